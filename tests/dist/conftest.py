"""What `make dist` made; its tests say so when it is not there."""

from pathlib import Path

import pytest

DIST = Path(__file__).parents[2] / "dist"


def find_made(pattern: str) -> Path:
    """The newest file of a name below `dist`.

    Raises:
        pytest.fail.Exception: when there is none.
    """
    found = sorted(DIST.glob(pattern), key=lambda path: path.stat().st_mtime)
    if not found:
        pytest.fail(f'There is no {DIST.name}/{pattern}. Run "make dist" first.')
    return found[-1]


@pytest.fixture(scope="session")
def archive() -> Path:
    return find_made("environment.tar.gz")
