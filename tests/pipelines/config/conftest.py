"""A spec that is written with changes."""

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str | bytes], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.setenv("OVERNIGHT_SPECS", str(tmp_path))

    def write(text: str | bytes) -> str:
        raw = text.encode() if isinstance(text, str) else text
        (tmp_path / "cards.toml").write_bytes(raw)
        return "cards"

    return write
