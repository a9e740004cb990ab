import pytest

from tests.infra.serving.container import Container


@pytest.fixture(scope="module")
def container(bundles):
    """A container of one worker for a module."""
    with Container(bundles["v1"].folder, OVERNIGHT_WORKERS="1") as container:
        assert container.ask("GET", "/ping")[0] == 200
        yield container
