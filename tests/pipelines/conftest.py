from collections.abc import Iterator

import pytest

import tests.quiet  # noqa: F401 -- for its effect
from tests.pipelines.nights import Night, installed


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """An installation of its own for each module."""
    with installed(tmp_path_factory.mktemp("night")) as night:
        yield night
