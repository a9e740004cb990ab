"""What becomes of endpoints and processes when the server ends, in an order or not."""

import json
import signal
import socket
import subprocess
import urllib.request

import pytest

from infra.stack import is_sagemaker_up
from tests.infra.bundles import make_instances
from tests.infra.embedded.clients import Clients, blue_green
from tests.infra.embedded_server import EmbeddedServer, is_alive, wait_for

INSTANCES = make_instances(3, seed=5)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server of one test, which may be killed."""
    server = EmbeddedServer(tmp_path / "home")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    server.start()
    yield server
    server.close()


@pytest.fixture
def aws(server, bundles):  # noqa: ARG001
    aws = Clients()
    aws.put_model("v1", bundles["v1"].folder)
    aws.create("demo", "v1")
    yield aws
    aws.close()


def test_a_restarted_server_serves_what_it_served_before(server, aws, bundles):
    containers = server.containers()
    assert is_sagemaker_up(server.address)
    assert server.stop() == 0
    assert not is_sagemaker_up(server.address)
    assert not any(is_alive(pid) for pid in containers)
    server.start()
    with urllib.request.urlopen(f"{server.address}/health") as answer:
        assert json.load(answer) == {"status": "ok", "endpoints": {"demo": "InService"}}
    assert aws.scores("demo", INSTANCES) == bundles["v1"].expected(INSTANCES)


def test_a_server_killed_in_an_update_leaves_no_process_and_returns_to_the_old_config(
    server, aws, bundles
):
    aws.put_model("v2", bundles["v2"].folder)
    aws.update("demo", "v2", BlueGreenUpdatePolicy=blue_green("CANARY", wait=3600, percent=10))
    assert wait_for(lambda: len(server.containers()) == 2)
    containers = server.containers()
    server.stop(signal.SIGKILL)
    assert wait_for(lambda: not any(is_alive(pid) for pid in containers), seconds=10)
    server.start()
    found = aws.describe("demo")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "v1")
    assert aws.scores("demo", INSTANCES) == bundles["v1"].expected(INSTANCES)


def test_a_taken_port_is_named_and_nothing_starts(tmp_path):
    server = EmbeddedServer(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", server.port))
        taken.listen()
        ended = subprocess.run(server.command(), capture_output=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert f"port {server.port} is in use: set OVERNIGHT_SAGEMAKER_PORT" in ended.stderr.decode()
