import importlib.util

import pytest

from tests.infra.bundles import make_bundle
from tests.infra.embedded_server import running_server

# The stack is tested where the CDK is: make test-infra.
collect_ignore = [] if importlib.util.find_spec("aws_cdk") else ["aws"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """An embedded SageMaker for a module; boto3 in this process talks to it."""
    with running_server(tmp_path_factory.mktemp("sagemaker")) as server:
        yield server


@pytest.fixture(scope="session")
def bundles(tmp_path_factory):
    """`v1` and `v2` score differently; `broken` refuses to start."""
    home = tmp_path_factory.mktemp("bundles")
    return {
        "v1": make_bundle(home / "v1", seed=1),
        "v2": make_bundle(home / "v2", seed=2),
        "broken": make_bundle(home / "broken", seed=3, golden_shift=0.1),
    }
