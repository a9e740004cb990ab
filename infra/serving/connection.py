"""One HTTP connection: parses requests, has them answered at once, keeps their order.

A score takes less time than to start a task for it, so there is none: what uvicorn spends between
the parser and an application is two thirds of a request's processor time.
"""

import asyncio
import logging
import time
from collections import deque
from email.utils import formatdate
from http import HTTPStatus
from typing import cast

import httptools
import msgspec

from infra.serving.application import MAX_BODY_BYTES, Answer, Application
from infra.serving.refusal import RequestError

MAX_HEAD_BYTES = 64 * 1024
# A body that is too large is read to its end, so that its client gets to read why; up to here.
MAX_READ_BYTES = 8 * MAX_BODY_BYTES

# Java's client offers HTTP/2 with each request; what it was told about its body it was told before.
OFFERING = (b"connection", b"upgrade", b"http2-settings", b"expect")

STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}

log = logging.getLogger(__name__)


class Asked(msgspec.Struct):
    """A request as far as it has arrived; `size` counts the bytes of its body that have."""

    target: bytes = b""
    headers: dict[bytes, bytes] = {}
    head_size: int = 0
    chunks: list[bytes] = []
    size: int = 0
    method: bytes = b""
    is_last: bool = False


class Connections:
    """The open connections of a worker, and what they share."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.opened: set[Connection] = set()
        self._date_of = 0
        self._date = b""

    def date(self) -> bytes:
        """The header that says when; made anew each second."""
        now = int(time.time())
        if now != self._date_of:
            self._date_of, self._date = now, f"date: {formatdate(now, usegmt=True)}\r\n".encode()
        return self._date

    def close_idle(self, *, since: float) -> None:
        """End the connections on which nothing has come since a time of `time.monotonic`."""
        for connection in list(self.opened):
            if connection.last_seen < since:
                connection.close()

    def finish(self) -> None:
        """End those that wait for a request, and the others once theirs is answered."""
        for connection in list(self.opened):
            connection.finish()


class Connection(asyncio.Protocol):
    """Reads requests from one client and writes the answers.

    Attributes:
        last_seen: when bytes came last, by `time.monotonic`.
    """

    def __init__(self, connections: Connections) -> None:
        self.last_seen = time.monotonic()
        self._connections = connections
        self._application = connections.application
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._arriving: Asked | None = None
        self._offering: Asked | None = None
        self._arrived: deque[Asked] = deque()
        self._is_finishing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client is there."""
        # uvloop's class has all that asyncio.Transport has and does not derive from it.
        self._transport = cast(asyncio.Transport, transport)
        self._connections.opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The client has gone."""
        self._connections.opened.discard(self)
        self._transport = None

    def pause_writing(self) -> None:
        """The client does not read its answers, so no more of its requests are read."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._transport is not None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete now."""
        self.last_seen = time.monotonic()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._pass_over(data[offer.args[0] :])
        except httptools.HttpParserError:
            self._refuse()
        else:
            self._answer_arrived()

    def close(self) -> None:
        """End the connection once what was written is sent."""
        if self._transport is not None:
            self._transport.close()

    def finish(self) -> None:
        """Answer what has begun to arrive, then end."""
        self._is_finishing = True
        if self._arriving is None:
            self.close()

    # The parser calls these.

    def on_message_begin(self) -> None:
        """A request begins."""
        self._arriving = Asked(headers={}, chunks=[])

    def on_url(self, url: bytes) -> None:
        """A part of the request's target."""
        asked = self._asked
        asked.target += url
        self._count_head(asked, len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header line."""
        asked = self._asked
        asked.headers[name.lower()] = value
        self._count_head(asked, len(name) + len(value))

    def on_headers_complete(self) -> None:
        """The body may come now; some clients want to be told."""
        asked = self._asked
        asked.method = self._parser.get_method()
        if asked.headers.get(b"expect", b"").lower() == b"100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A part of the body; of one that is too large only so much as shows it."""
        asked = self._asked
        asked.size += len(body)
        if asked.size <= MAX_BODY_BYTES:
            asked.chunks.append(body)
        elif asked.size > MAX_READ_BYTES:
            raise RequestError("The body does not end.")

    def on_message_complete(self) -> None:
        """The request is here; it is answered when the parser has returned."""
        asked = self._asked
        # HTTP/1.0 has its own way of staying open, which no client of ours speaks.
        is_1_1 = self._parser.get_http_version() == "1.1"
        asked.is_last = not (is_1_1 and self._parser.should_keep_alive())
        self._arriving = None
        if self._parser.should_upgrade():
            self._offering = asked
        else:
            self._arrived.append(asked)

    @property
    def _asked(self) -> Asked:
        if self._arriving is None:
            raise RequestError("A request without a beginning.")
        return self._arriving

    def _pass_over(self, rest: bytes) -> None:
        """Read a request again without its offer of another protocol, which cost it its body."""
        asked, self._offering = self._offering, None
        if asked is None or asked.method == b"CONNECT":
            self._refuse()
            return
        self._parser = httptools.HttpRequestParser(self)
        kept = {name: value for name, value in asked.headers.items() if name not in OFFERING}
        lines = [b"%s %s HTTP/1.1" % (asked.method, asked.target)]
        lines += [b"%s: %s" % header for header in kept.items()]
        self.data_received(b"\r\n".join([*lines, b"", rest]))

    def _refuse(self) -> None:
        self._answer_arrived()
        answer = self._application.refuse(RequestError("This is no HTTP request."))
        self._write(answer, is_last=True)

    def _count_head(self, asked: Asked, size: int) -> None:
        asked.head_size += size
        if asked.head_size > MAX_HEAD_BYTES:
            raise RequestError("The head of the request does not end.")

    def _answer_arrived(self) -> None:
        while self._arrived:
            asked = self._arrived.popleft()
            is_last = asked.is_last or (
                self._is_finishing and not self._arrived and self._arriving is None
            )
            self._write(self._answer(asked), is_last=is_last, is_bare=asked.method == b"HEAD")
            if is_last:
                self._arrived.clear()

    def _answer(self, asked: Asked) -> Answer:
        path = asked.target.partition(b"?")[0]
        body = asked.chunks[0] if len(asked.chunks) == 1 else b"".join(asked.chunks)
        if asked.size > MAX_BODY_BYTES:
            body = bytes(MAX_BODY_BYTES + 1)
        try:
            return self._application.answer(asked.method, path, asked.headers, body)
        except Exception:
            log.exception("A request could not be answered")
            error = RequestError("The container failed; its log says why.", status=500)
            return self._application.refuse(error)

    def _write(self, answer: Answer, *, is_last: bool, is_bare: bool = False) -> None:
        if self._transport is None:
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
            self.close()
