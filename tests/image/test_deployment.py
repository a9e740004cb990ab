"""A deployment through the embedded SageMaker, whose instances are started from the image."""

import os
from pathlib import Path

import pytest

from tests.infra.bundles import make_instances
from tests.infra.embedded_server import running_server, wait_for
from tests.infra.emulator.clients import Clients, blue_green

INSTANCES = make_instances(3, seed=5)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server whose files nobody else may read; the image's user reads its model still."""
    before = os.umask(0o077)
    try:
        with running_server(tmp_path_factory.mktemp("sagemaker")) as server:
            os.umask(before)
            yield server
    finally:
        os.umask(before)


@pytest.fixture(scope="module")
def aws(server, bundles):  # noqa: ARG001
    aws = Clients()
    for name in ("v1", "v2", "broken"):
        aws.put_model(name, bundles[name].folder)
    yield aws
    aws.close()


def roots_of(server):
    """The root folder and the user of each container."""
    return {
        (str(Path(f"/proc/{pid}/root").readlink()), Path(f"/proc/{pid}").stat().st_uid)
        for pid in server.containers()
    }


def test_an_endpoint_is_created_shifted_turned_back_and_deleted_on_the_image(aws, server, bundles):
    assert aws.create("demo", "v1")["EndpointStatus"] == "InService"
    ((root, user),) = roots_of(server)
    assert (Path(root).parent, user) == (server.home / "images", 10001)
    assert aws.scores("demo", INSTANCES) == bundles["v1"].expected(INSTANCES)

    canary = blue_green("CANARY", wait=100, percent=50)
    aws.update("demo", "v2", BlueGreenUpdatePolicy=canary)
    old, new = bundles["v1"].digest, bundles["v2"].digest
    assert set(aws.digests_until_settled("demo", INSTANCES)) == {old, new}
    assert aws.scores("demo", INSTANCES) == bundles["v2"].expected(INSTANCES)

    aws.update("demo", "broken", BlueGreenUpdatePolicy=canary)
    found = aws.settle("demo")
    assert found["EndpointConfigName"] == "v2"
    assert "golden vectors score otherwise than in training" in found["FailureReason"]
    assert aws.scores("demo", INSTANCES) == bundles["v2"].expected(INSTANCES)

    aws.sagemaker.delete_endpoint(EndpointName="demo")
    assert wait_for(lambda: not server.containers())
