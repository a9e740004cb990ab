"""HTTP itself, byte by byte: order, ends, limits, and clients that do not keep to it."""

import json
import signal
import time

import pytest

from tests.infra.embedded_server import wait_for
from tests.infra.serving.container import Container
from tests.infra.serving.http.client import PING, Client, invocation


def test_requests_sent_ahead_are_answered_in_their_order(container, bundles):
    sent = [invocation(number + 1, seed=number) for number in range(5)]
    with Client(container) as client:
        client.socket.sendall(b"".join(request for request, _ in sent))
        for _, instances in sent:
            status, _, body = client.answer()
            assert status == 200
            scores = [each["score"] for each in json.loads(body)["predictions"]]
            assert scores == bundles["v1"].expected(instances)


def test_a_request_may_come_byte_by_byte(container):
    with Client(container) as client:
        for byte in PING:
            client.socket.sendall(bytes([byte]))
        assert client.answer()[0] == 200


def test_an_answer_says_when_it_was_made(container):
    with Client(container) as client:
        client.socket.sendall(PING)
        assert client.answer()[1][b"date"].endswith(b"GMT")


@pytest.mark.parametrize(
    "request_head",
    [b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"GET /ping HTTP/1.0\r\n\r\n"],
)
def test_who_wants_the_connection_closed_gets_an_answer_and_its_end(container, request_head):
    with Client(container) as client:
        client.socket.sendall(request_head)
        status, headers, _ = client.answer()
        assert (status, headers[b"connection"]) == (200, b"close")
        assert client.is_ended()


def test_who_asks_before_sending_a_body_is_told_to_go_on(container):
    request, _ = invocation(1, seed=1)
    head, body = request.split(b"\r\n\r\n")
    with Client(container) as client:
        client.socket.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert client.stream.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert client.stream.readline() == b"\r\n"
        client.socket.sendall(body)
        assert client.answer()[0] == 200


def test_a_head_request_is_answered_without_a_body(container):
    with Client(container) as client:
        client.socket.sendall(b"HEAD /ping HTTP/1.1\r\nHost: x\r\n\r\n" + PING)
        assert client.answer(has_body=False)[0] == 405
        assert client.answer()[0] == 200


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS\r\n\r\n",
        b"GET /ping HTTP/9.9\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nbad header\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=lambda nonsense: nonsense[:40],
)
def test_what_is_no_http_is_refused_and_the_connection_ends(container, nonsense):
    with Client(container) as client:
        client.socket.sendall(nonsense)
        status, _, body = client.answer()
        assert status == 400
        assert json.loads(body)["error"]["message"] == "This is no HTTP request."
        assert client.is_ended()
    assert container.ask("GET", "/ping")[0] == 200


def test_an_offer_of_another_protocol_is_passed_over(container):
    request, _ = invocation(1, seed=1)
    offer = request.replace(b"Host: x", b"Host: x\r\nConnection: Upgrade\r\nUpgrade: h2c")
    with Client(container) as client:
        for _ in range(2):
            client.socket.sendall(offer)
            assert client.answer()[0] == 200


def test_a_query_changes_nothing(container):
    with Client(container) as client:
        client.socket.sendall(b"GET /ping?a=b HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.answer()[0] == 200


def test_a_client_that_leaves_in_the_middle_disturbs_nobody(container):
    request, _ = invocation(5, seed=1)
    for cut in (10, 60, len(request) - 1):
        with Client(container) as client:
            client.socket.sendall(request[:cut])
    assert container.ask("GET", "/ping")[0] == 200


def test_an_idle_connection_does_not_hold_up_the_end(bundles):
    container = Container(bundles["v1"].folder, OVERNIGHT_WORKERS="1")
    try:
        with Client(container) as client:
            client.socket.sendall(PING)
            assert client.answer()[0] == 200
            began = time.monotonic()
            container.process.send_signal(signal.SIGTERM)
            assert client.is_ended()
        assert wait_for(lambda: container.process.poll() == 0)
        assert time.monotonic() - began < 5
    finally:
        container.close()
