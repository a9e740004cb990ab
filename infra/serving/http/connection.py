"""One HTTP connection: parses requests, answers them in their order.

A score takes less time than to start a task for it, so there is none: what uvicorn spends between
the parser and an application is two thirds of a request's processor time.
"""

import asyncio
import logging
import time
from collections import deque
from http import HTTPStatus
from typing import cast

import httptools

from infra.serving.application import Answer, Application
from infra.serving.http.arriving_request import ArrivingRequest
from infra.serving.http.connections import Connections
from infra.serving.http.limits import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    MAX_TARGET_BYTES,
    large_body,
    large_head,
    long_target,
)
from infra.serving.http.lingering import Lingering, has_unread_bytes
from infra.serving.model import RequestError

# Java's client offers HTTP/2 with each request; its body was handled before.
OFFERING = (b"connection", b"upgrade", b"http2-settings", b"expect")

STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}
# Content-Length has no more digits than this unless it has to be looked at.
HARMLESS_DIGITS = len(str(MAX_BODY_BYTES)) - 1
# Of a header line beside its name and its value.
LINE_BYTES = 4

log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """Reads requests from one client and writes the answers.

    Attributes:
        last_seen: when bytes came last, by `time.monotonic`.
    """

    def __init__(self, connections: Connections) -> None:
        self.last_seen = time.monotonic()
        self._connections = connections
        self._application: Application = connections.application
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._request = ArrivingRequest({})
        self._is_arriving = False
        self._offered: ArrivingRequest | None = None
        self._arrived: deque[ArrivingRequest] = deque()
        self._is_sending = False
        self._has_ended = False
        self._lingering: Lingering | None = None

    @property
    def is_idle(self) -> bool:
        """Return True if no request of it has begun to arrive."""
        return not self._is_arriving

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register an opened connection."""
        # uvloop's class has all that asyncio.Transport has and does not derive from it.
        self._transport = cast(asyncio.Transport, transport)
        self._connections.opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget a closed connection."""
        self._connections.opened.discard(self)
        self._transport = None
        if self._lingering is not None:
            self._lingering.cancel()

    def pause_writing(self) -> None:
        """Read no more requests while the client does not read its answers."""
        self._is_sending = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read requests again once the client reads answers again."""
        self._is_sending = False
        if self._transport is not None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete now."""
        self.last_seen = time.monotonic()
        if self._has_ended:
            if self._lingering is not None:
                self._lingering.restart_silence()
            return
        request = self._request if self._is_arriving else None
        size = 0 if request is None else request.size
        try:
            self._feed(data)
            if request is not None and request is self._request and self._is_arriving:
                self._count_stalled(request, len(data), size)
        except (httptools.HttpParserError, RequestError) as error:
            self._answer_arrived()
            self._refuse(error)
        else:
            self._answer_arrived()

    def finish(self) -> None:
        """Close after one more answer, and start to count the client's silence."""
        self.last_seen = time.monotonic()
        if self._lingering is not None and self._transport is not None:
            self._lingering.hasten()

    def close_unless_asked(self) -> None:
        """End the connection, unless unread bytes wait in its socket."""
        if not self._has_ended and not has_unread_bytes(self._transport):
            self._end()

    def expire(self) -> None:
        """End the connection of a client that sends nothing, or does not read its answers."""
        if self._is_sending and self._transport is not None:
            self._transport.abort()
        else:
            self.close_unless_asked()

    def shed(self) -> bool:
        """Abort the connection unless it has a request; return True if it was aborted."""
        is_done = self._has_ended or self._is_sending
        if self._transport is None or not (is_done or not has_unread_bytes(self._transport)):
            return False
        self._has_ended = True
        self._transport.abort()
        return True

    # The parser calls these.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._request = ArrivingRequest({})
        self._is_arriving = True

    def on_url(self, url: bytes) -> None:
        """Add a part of the request target."""
        request = self._request
        request.target += url
        if len(request.target) > MAX_TARGET_BYTES:
            raise long_target()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header line; lines of a trailer are counted and ignored."""
        request = self._request
        request.head_size += len(name) + len(value) + LINE_BYTES
        if request.head_size > MAX_HEAD_BYTES:
            raise large_head()
        if not request.has_head:
            request.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Refuse a body announced as too large; send 100 Continue to a client that expects it."""
        request = self._request
        request.has_head = True
        request.method = self._parser.get_method()
        length = request.headers.get(b"content-length")
        if length is not None and len(length) > HARMLESS_DIGITS and int(length) > MAX_BODY_BYTES:
            raise large_body()
        expected = request.headers.get(b"expect")
        if expected is not None and expected.lower() == b"100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Add a part of the body."""
        request = self._request
        request.size += len(body)
        if request.size > MAX_BODY_BYTES:
            raise large_body()
        if request.size == len(body):
            request.body = body
        elif request.more is None:
            request.more = bytearray(body)
        else:
            request.more += body

    def on_message_complete(self) -> None:
        """Queue the complete request; it is answered when the parser has returned."""
        request = self._request
        # HTTP/1.0 has its own way of staying open, which no client of ours speaks.
        is_1_1 = self._parser.get_http_version() == "1.1"
        request.is_last = not (is_1_1 and self._parser.should_keep_alive())
        self._is_arriving = False
        if self._parser.should_upgrade():
            self._offered = request
        else:
            self._arrived.append(request)

    def _feed(self, data: bytes | memoryview) -> None:
        while True:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                data = memoryview(data)[offer.args[0] :]
                self._pass_over()
            else:
                return

    def _pass_over(self) -> None:
        """Parse a head again without its offer of another protocol, which hid the body."""
        request, self._offered = self._offered, None
        if request is None or request.method == b"CONNECT":
            raise RequestError("This is no HTTP request.")
        self._parser = httptools.HttpRequestParser(self)
        kept = {name: value for name, value in request.headers.items() if name not in OFFERING}
        lines = [b"%s %s HTTP/1.1" % (request.method, request.target)]
        lines += [b"%s: %s" % header for header in kept.items()]
        self._parser.feed_data(b"\r\n".join([*lines, b"", b""]))

    def _count_stalled(self, request: ArrivingRequest, length: int, size: int) -> None:
        """Count bytes outside of bodies; the parser buffers a header line of any length."""
        request.stalled_size = request.stalled_size + length if request.size == size else 0
        if request.stalled_size > MAX_HEAD_BYTES:
            raise large_head()

    def _refuse(self, error: Exception) -> None:
        """Answer with an error and read no more; the parser wraps errors of its callbacks."""
        cause = error if isinstance(error, RequestError) else error.__context__
        if not isinstance(cause, RequestError):
            cause = RequestError("This is no HTTP request.")
        self._write(self._application.refuse(cause), is_last=True)

    def _answer_arrived(self) -> None:
        while self._arrived:
            request = self._arrived.popleft()
            is_last = request.is_last or (
                self._connections.is_finishing and not self._arrived and not self._is_arriving
            )
            self._write(self._answer(request), is_last=is_last, is_bare=request.method == b"HEAD")
            if is_last:
                self._arrived.clear()

    def _answer(self, request: ArrivingRequest) -> Answer:
        path = request.target.partition(b"?")[0]
        body = request.body if request.more is None else request.body + request.more
        try:
            return self._application.answer(request.method, path, request.headers, body)
        except Exception:
            log.exception("A request could not be answered")
            error = RequestError("The container failed; its log says why.", status=500)
            return self._application.refuse(error)

    def _write(self, answer: Answer, *, is_last: bool, is_bare: bool = False) -> None:
        if self._transport is None or self._has_ended:
            return
        head = b"%scontent-type: %s\r\ncontent-length: %d\r\n%s%s\r\n" % (
            STATUS_LINES[answer.status],
            answer.kind.encode(),
            len(answer.body),
            self._connections.date(),
            b"connection: close\r\n" if is_last else b"",
        )
        self._transport.write(head if is_bare else head + answer.body)
        if is_last:
            self._end()

    def _end(self) -> None:
        """Send no more, and wait for the client to close its side."""
        if self._transport is None:
            return
        self._has_ended = True
        self._is_arriving = False
        self.last_seen = time.monotonic()
        self._lingering = Lingering(self._transport, is_finishing=self._connections.is_finishing)
