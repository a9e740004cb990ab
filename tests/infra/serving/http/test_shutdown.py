"""An end under load, of the container or of one worker: no request that arrived is lost."""

import os
import signal
import socket
import threading
import time

import pytest

from tests.infra.embedded_server import wait_for
from tests.infra.serving.container import Container
from tests.infra.serving.http.client import PING, Client, invocation

CLIENTS, ROUNDS = 8, 3


class Asking(threading.Thread):
    """A client that asks over one kept connection until an answer says that it was the last.

    Attributes:
        answered: how many were answered.
        lost: requests of which no answer came.
        ends: how often an answer was the last of its connection.
    """

    def __init__(self, container, request, *, reconnects):
        super().__init__()
        self.answered = self.lost = self.ends = 0
        self._container = container
        self._request = request
        self._reconnects = reconnects
        self._is_over = threading.Event()

    def run(self):
        while not self._is_over.is_set():
            with Client(self._container) as client:
                self._ask_until_last(client)
            if not self._reconnects or self.lost:
                return

    def _ask_until_last(self, client):
        while not self._is_over.is_set():
            try:
                client.socket.sendall(self._request)
                status, headers, _ = client.answer()
            except (OSError, IndexError):
                self.lost += 1
                return
            self.answered += status == 200
            if headers.get(b"connection") == b"close":
                self.ends += 1
                return

    def end(self):
        self._is_over.set()
        self.join(timeout=30)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_an_end_answers_what_is_in_flight_on_kept_connections(bundles, number):
    request, _ = invocation(30, seed=number)
    with Container(bundles["v1"].folder, OVERNIGHT_WORKERS="2") as container:
        assert container.ask("GET", "/ping")[0] == 200
        clients = [Asking(container, request, reconnects=False) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        assert wait_for(lambda: all(client.answered > 20 for client in clients))
        container.process.send_signal(signal.SIGTERM)
        for client in clients:
            client.join(timeout=30)
        assert [(client.lost, client.ends) for client in clients] == [(0, 1)] * CLIENTS
        assert container.process.wait(timeout=30) == 0


def test_workers_that_are_told_to_end_are_replaced_and_lose_no_request(bundles):
    request, _ = invocation(30, seed=1)
    with Container(bundles["v1"].folder, OVERNIGHT_WORKERS="1") as container:
        assert container.ask("GET", "/ping")[0] == 200
        clients = [Asking(container, request, reconnects=True) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        ended = set()
        for _ in range(ROUNDS):
            assert wait_for(lambda: set(container.workers) - ended)
            (pid, *_) = set(container.workers) - ended
            before = [client.answered for client in clients]
            os.kill(pid, signal.SIGTERM)
            ended.add(pid)
            for client, count in zip(clients, before, strict=True):
                assert wait_for(lambda c=client, n=count: c.lost or c.answered > n + 20)
        for client in clients:
            client.end()
        assert [client.lost for client in clients] == [0] * CLIENTS
        assert all(client.ends >= ROUNDS for client in clients)
        assert wait_for(lambda: not ended & set(container.workers))
        assert len(container.workers) == 1


def test_a_request_that_comes_after_the_end_was_asked_for_is_answered_once(bundles):
    with Container(bundles["v1"].folder, OVERNIGHT_WORKERS="1") as container:
        with Client(container) as kept, Client(container) as fresh:
            kept.socket.sendall(PING)
            assert kept.answer()[0] == 200
            container.process.send_signal(signal.SIGTERM)
            assert any(b"Shutting down" in line for line in container.process.stderr)
            for client in (kept, fresh):
                client.socket.sendall(PING)
                status, headers, _ = client.answer()
                assert (status, headers[b"connection"]) == (200, b"close")
                assert client.is_ended()
        assert container.process.wait(timeout=30) == 0


def test_a_client_that_keeps_its_side_open_does_not_hold_up_the_end(bundles):
    with (
        Container(bundles["v1"].folder, OVERNIGHT_WORKERS="1") as container,
        Client(container) as client,
    ):
        client.socket.sendall(PING)
        assert client.answer()[0] == 200
        began = time.monotonic()
        container.process.send_signal(signal.SIGTERM)
        assert container.process.wait(timeout=30) == 0
        assert time.monotonic() - began < 15
        assert client.is_ended()


def test_connections_that_wait_for_a_busy_worker_are_served(bundles):
    with Container(bundles["v1"].folder, OVERNIGHT_WORKERS="1") as container:
        assert container.ask("GET", "/ping")[0] == 200
        (worker,) = container.workers
        os.kill(worker, signal.SIGSTOP)
        waiting = [socket.create_connection(("127.0.0.1", container.port)) for _ in range(600)]
        for client in waiting:
            client.sendall(PING)
            client.settimeout(30)
        time.sleep(0.5)
        os.kill(worker, signal.SIGCONT)
        assert all(client.recv(15) == b"HTTP/1.1 200 OK" for client in waiting)
        for client in waiting:
            client.close()
