import pytest

from tests.infra.emulator.clients import Clients


@pytest.fixture(scope="module")
def aws(server, bundles):  # noqa: ARG001
    """Clients of the module's server, with `v1`, `v2` and `broken` as models and configs."""
    aws = Clients()
    for name, made in bundles.items():
        aws.put_model(name, made.folder)
    yield aws
    aws.close()
