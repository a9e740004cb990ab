"""Requests beyond a limit: told why in an answer that arrives, whatever is still being sent."""

import json
import socket
import threading

import pytest

from infra.serving.http.limits import MAX_BODY_BYTES, MAX_HEAD_BYTES, MAX_TARGET_BYTES
from tests.infra.serving.http.client import PING, Client, invocation

MANY = 100_000_000
CHUNK = b"10000\r\n" + bytes(0x10000) + b"\r\n"


def refused(client, *, status, limit):
    """The answer to what was sent, which is the last one; says the limit."""
    got, headers, body = client.answer()
    assert (got, headers[b"connection"]) == (status, b"close")
    assert f"{limit:,} bytes" in json.loads(body)["error"]["message"]
    assert client.is_ended()


@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, MANY])
def test_a_body_over_the_limit_is_refused_to_a_client_that_sends_all_of_it_first(container, size):
    with Client(container) as client:
        client.socket.sendall(b"POST /invocations HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // 1_000_000):
            client.socket.sendall(bytes(1_000_000))
        refused(client, status=413, limit=MAX_BODY_BYTES)


def test_a_body_over_the_limit_is_refused_before_it_is_sent(container):
    with Client(container) as client:
        head = b"POST /invocations HTTP/1.1\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n"
        client.socket.sendall(head % (MAX_BODY_BYTES + 1))
        refused(client, status=413, limit=MAX_BODY_BYTES)


def test_a_body_in_chunks_is_refused_once_it_has_passed_the_limit(container):
    with Client(container) as client:
        client.socket.sendall(b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(MANY // len(CHUNK)):
            client.socket.sendall(CHUNK)
        refused(client, status=413, limit=MAX_BODY_BYTES)


def test_a_body_as_large_as_the_limit_is_read(container):
    body = b'{"rows": ' + b" " * (MAX_BODY_BYTES - 10) + b"}"
    head = b"POST /invocations HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % MAX_BODY_BYTES
    with Client(container) as client:
        client.socket.sendall(head + body + PING)
        assert client.answer()[0] == 400
        assert client.answer()[0] == 200


@pytest.mark.parametrize(
    ("sent", "status", "limit"),
    [
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n\r\n", 414, MAX_TARGET_BYTES),
        (b"GET /ping HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431, MAX_HEAD_BYTES),
        (b"GET /ping HTTP/1.1\r\n" + b"a:\r\n" * 20_000 + b"\r\n", 431, MAX_HEAD_BYTES),
        (
            b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
            + b"x: y\r\n" * 20_000,
            431,
            MAX_HEAD_BYTES,
        ),
    ],
    ids=["target", "one header", "headers", "trailer"],
)
def test_a_head_over_the_limit_is_refused(container, sent, status, limit):
    with Client(container) as client:
        client.socket.sendall(sent)
        refused(client, status=status, limit=limit)


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET /ping HTTP/1.1\r\nX: ",
        b"GET /ping HTTP/1.1\r\nX",
        b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
    ],
)
def test_a_header_line_that_does_not_end_is_refused(container, beginning):
    with Client(container) as client:
        client.socket.sendall(beginning)
        sending = threading.Thread(target=lambda: client.socket.sendall(b"x" * 20_000_000))
        sending.start()
        refused(client, status=431, limit=MAX_HEAD_BYTES)
        sending.join()


def test_fields_of_a_trailer_say_nothing_about_the_request(container):
    request, _ = invocation(1, seed=1)
    body = request.split(b"\r\n\r\n", 1)[1]
    head = (
        b"POST /invocations HTTP/1.1\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\nTrailer: Content-Type, Accept\r\n\r\n"
    )
    trailer = b"0\r\nContent-Type: text/csv\r\nAccept: text/csv\r\nConnection: Upgrade\r\n"
    trailer += b"Upgrade: h2c\r\n\r\n"
    with Client(container) as client:
        for _ in range(2):
            client.socket.sendall(head + b"%x\r\n%s\r\n" % (len(body), body) + trailer)
            status, headers, _ = client.answer()
            assert (status, headers[b"content-type"]) == (200, b"application/json")


def test_many_offers_of_another_protocol_at_once_are_passed_over(container):
    offer = PING.replace(b"Host: x", b"Host: x\r\nConnection: Upgrade\r\nUpgrade: h2c")
    with Client(container) as client:
        sending = threading.Thread(target=lambda: client.socket.sendall(offer * 3_000))
        sending.start()
        assert [client.answer()[0] for _ in range(3_000)] == [200] * 3_000
        sending.join()


def test_the_last_answer_reaches_a_client_that_has_sent_more(container):
    last = PING.replace(b"Host: x", b"Host: x\r\nConnection: close")
    for _ in range(20):
        with Client(container) as client:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.socket.sendall(last + bytes(200_000))
            client.socket.sendall(bytes(200_000))
            assert client.answer()[0] == 200
            assert client.is_ended()
