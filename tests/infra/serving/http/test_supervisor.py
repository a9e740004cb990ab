"""Several workers behind one socket: shared load, replaced dead, an orderly end."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.infra.bundles import make_instances
from tests.infra.embedded_server import wait_for
from tests.infra.serving.container import Container

BODY = json.dumps({"instances": make_instances(1, seed=3), "unknown_categories": "missing"})


@pytest.fixture
def container(bundles):
    container = Container(bundles["v1"].folder, OVERNIGHT_WORKERS="2")
    assert container.ask("GET", "/ping")[0] == 200
    yield container
    container.close()


def connections_of(pid):
    """How many TCP connections a process holds."""
    opened = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    # 01 is an established connection.
    return sum(
        f"socket:[{line.split()[9]}]" in opened and line.split()[3] == "01" for line in lines
    )


def test_connections_that_stay_open_are_shared_evenly(container):
    clients = [http.client.HTTPConnection("127.0.0.1", container.port) for _ in range(8)]
    for client in clients:
        client.request("POST", "/invocations", BODY, {"Content-Type": "application/json"})
        assert client.getresponse().read()
    assert sorted(map(connections_of, container.workers)) == [4, 4]
    gone = [c for c in clients if c.sock.getsockname()[1] % 2] or clients[:1]
    for client in gone:
        client.close()
    assert wait_for(lambda: sum(map(connections_of, container.workers)) == 8 - len(gone))
    fresh = [socket.create_connection(("127.0.0.1", container.port)) for _ in gone]
    assert wait_for(lambda: sorted(map(connections_of, container.workers)) == [4, 4])
    for client in (*fresh, *clients):
        client.close()


def test_a_worker_that_died_is_replaced_and_no_later_request_fails(container):
    killed, kept = container.workers
    os.kill(killed, signal.SIGKILL)
    assert wait_for(lambda: killed not in container.workers and len(container.workers) == 2)
    assert kept in container.workers
    for _ in range(6):
        assert container.ask("POST", "/invocations", BODY)[0] == 200


def test_workers_end_with_their_parent_even_when_it_is_killed(container):
    workers = container.workers
    container.process.kill()
    assert wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def test_workers_that_die_again_and_again_end_the_container_with_a_failure(container):
    until = time.monotonic() + 60
    while container.process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError):
            for pid in container.workers:
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    assert container.process.wait(timeout=30) == 1
    assert "workers in a row ended within 10 s" in container.process.stderr.read().decode()


def test_an_end_by_request_is_a_success(container):
    container.process.terminate()
    assert container.process.wait(timeout=30) == 0


def test_the_port_is_the_one_that_sagemaker_says(bundles):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {"SM_MODEL_DIR": str(bundles["v1"].folder), "SAGEMAKER_BIND_TO_PORT": str(port)}
    with subprocess.Popen(
        [sys.executable, "-m", "infra.serving", "serve"],
        env=os.environ | environment,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert wait_for(lambda: _answers(f"http://127.0.0.1:{port}/ping"))
        process.terminate()
    assert process.returncode == 0


def _answers(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_every_variable_that_cannot_be_read_is_named(bundles):
    container = Container(
        bundles["v1"].folder,
        OVERNIGHT_WORKERS="none",
        OVERNIGHT_METRICS_SECONDS="-1",
        SAGEMAKER_BIND_TO_PORT="0",
    )
    assert container.process.wait(timeout=30) == 1
    said = container.process.stderr.read().decode()
    container.close()
    assert "OVERNIGHT_WORKERS is 'none'; give a number from 1 on" in said
    assert "OVERNIGHT_METRICS_SECONDS is '-1'; give a number from 0.1 on" in said
    assert "SAGEMAKER_BIND_TO_PORT is '0'; give a number from 1 on" in said
