"""A container whose limit of open files is used up by clients that keep idle connections."""

import contextlib
import resource
import socket

import pytest

from tests.infra.embedded_server import wait_for
from tests.infra.serving.container import Container
from tests.infra.serving.http.client import PING, Client

LIMIT, IDLE = 256, 1_500


@pytest.fixture
def container(bundles):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, hard))
    try:
        container = Container(bundles["v1"].folder, OVERNIGHT_WORKERS="1")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * IDLE)), hard))
    try:
        assert container.ask("GET", "/ping")[0] == 200
        yield container
    finally:
        container.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_idle_connections_give_way_to_new_ones_and_the_log_says_so(container):
    with contextlib.ExitStack() as opened:
        for number in range(IDLE):
            idle = socket.create_connection(("127.0.0.1", container.port), timeout=30)
            opened.enter_context(idle)
            if number % 100 == 99:
                assert container.ask("GET", "/ping")[0] == 200
        for _ in range(20):
            assert container.ask("GET", "/ping")[0] == 200
    assert any(b"ulimit -n" in line for line in container.process.stderr)


def test_a_connection_in_use_does_not_give_way(container):
    with contextlib.ExitStack() as opened, Client(container) as used:
        for _ in range(IDLE):
            idle = socket.create_connection(("127.0.0.1", container.port), timeout=30)
            opened.enter_context(idle)
            if _ % 50 == 0:
                used.socket.sendall(PING)
                assert used.answer()[0] == 200


def test_requests_that_do_not_arrive_give_way_too(container):
    with contextlib.ExitStack() as opened:
        for _ in range(2 * LIMIT):
            slow = socket.create_connection(("127.0.0.1", container.port), timeout=30)
            opened.enter_context(slow)
            with contextlib.suppress(OSError):
                # One that was turned away already.
                slow.sendall(b"GET /ping HTTP/1.1\r\nHost:")
        assert wait_for(lambda: _status(container) == 200)


def _status(container):
    try:
        return container.ask_raw("GET", "/ping")[0]
    except OSError:
        return 0
