from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from pipelines.config.installation.settings import load_settings

_ORDER = {name: at for at, name in enumerate(("rollouts", "pipelines", "feature_jobs", "infra"))}


# How long an example takes depends on the machine and what else it does.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with an installation and a lake of its own."""
    monkeypatch.setenv("OVERNIGHT_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("OVERNIGHT_LAKE", str(tmp_path / "lake"))
    load_settings.cache_clear()
    yield tmp_path
    load_settings.cache_clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders whose files take minutes: last, they would keep one worker alone."""
    items.sort(key=lambda item: _ORDER.get(item.nodeid.split("/")[1], len(_ORDER)))
