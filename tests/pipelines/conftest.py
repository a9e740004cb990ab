from collections.abc import Iterator

import pytest

import tests.quiet  # noqa: F401 -- for its effect
from pipelines.settings import load_settings
from tests.pipelines.nights import Night


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """An installation of its own for each module."""
    folder = tmp_path_factory.mktemp("night")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERNIGHT_HOME", str(folder))
        for name in ("OVERNIGHT_LAKE", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        load_settings.cache_clear()
        yield Night(folder)
    load_settings.cache_clear()
