from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.config.installation.settings import load_settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with an installation and a lake of its own."""
    monkeypatch.setenv("OVERNIGHT_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("OVERNIGHT_LAKE", str(tmp_path / "lake"))
    load_settings.cache_clear()
    yield tmp_path
    load_settings.cache_clear()
