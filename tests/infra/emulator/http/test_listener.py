"""The emulator's HTTP: limits, trailers, and refusals that reach a client that still sends."""

import asyncio
import socket
import threading

import pytest

from infra.emulator.http.channel import Channel
from infra.emulator.http.listener import MAX_BODY_BYTES, Listener
from tests.infra.serving.http.client import Client

LARGE = MAX_BODY_BYTES // 4


def echo(request):
    request.reply(200, str(len(request.body)).encode(), {"Kind": request.headers.get("kind", "")})


class Running:
    """A listener on a free port, in a thread of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.port = 0
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._is_ready.wait(30)

    def _run(self):
        self.loop.run_until_complete(self._start())
        self._is_ready.set()
        self.loop.run_forever()
        self.loop.run_until_complete(self._listener.stop())
        self.loop.close()

    async def _start(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._listener = Listener(echo)
        await self._listener.start(self.port)

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(30)


@pytest.fixture(scope="module")
def server():
    running = Running()
    yield running
    running.stop()


def test_fields_of_a_trailer_say_nothing_about_the_request(server):
    head = (
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nKind: head\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nab\r\n0\r\n" % server.port
    )
    with Client(server) as client:
        for _ in range(2):
            client.socket.sendall(head + b"Kind: trailer\r\n\r\n")
            status, headers, body = client.answer()
            assert (status, headers[b"kind"], body) == (200, b"head", b"2")


def test_equal_bodies_over_one_connection_are_all_read(server):
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %d\r\n\r\n"
    request = head % (server.port, LARGE) + bytes(LARGE)
    with Client(server) as client:
        for _ in range(3):
            client.socket.sendall(request)
            status, headers, _ = client.answer()
            assert status == 200, headers


@pytest.mark.parametrize(
    ("beginning", "status"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: 60000000\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nX: ", 431),
        (b"no http\r\n\r\n", 400),
    ],
)
def test_a_refusal_reaches_a_client_that_still_sends(server, beginning, status):
    with Client(server) as client:
        client.socket.sendall(beginning)
        for _ in range(60):
            client.socket.sendall(b"x" * 1_000_000)
        assert client.answer()[0] == status
        assert client.is_ended()


def test_fields_of_an_answers_trailer_say_nothing_about_it():
    sent = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\n{}\r\n0\r\nContent-Type: text/csv\r\n\r\n"
    )

    async def ask():
        async def answer(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(sent)
            await reader.read()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        channel = Channel(server.sockets[0].getsockname()[1])
        done = asyncio.get_running_loop().create_future()
        channel.ask(b"GET / HTTP/1.1\r\n\r\n", b"", done.set_result, seconds=20)
        answered = await done
        channel.close()
        await asyncio.sleep(0.1)
        server.close()
        return answered

    answered = asyncio.run(ask())
    assert (answered.kind, answered.body) == ("application/json", b"{}")
