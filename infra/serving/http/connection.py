"""One HTTP connection: parses requests, has them answered at once, keeps their order.

A score takes less time than to start a task for it, so there is none: what uvicorn spends between
the parser and an application is two thirds of a request's processor time.

A connection that the server ends is ended in two steps (RFC 9112, section 9.6): the sending side
first, and the other once the client has read that. Closed at once, with bytes of the client
unread, it would be reset, and the reset could overtake the last answer.
"""

import asyncio
import fcntl
import logging
import struct
import termios
import time
from collections import deque
from http import HTTPStatus
from typing import cast

import httptools
import msgspec

from infra.serving.application import Answer, Application
from infra.serving.http.connections import Connections
from infra.serving.http.limits import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    MAX_TARGET_BYTES,
    large_body,
    large_head,
    long_target,
)
from infra.serving.model import RequestError

# What a client still sends to a connection that has ended is read and dropped: until it has been
# silent for so long, and in all. In a shutdown there is less time for that.
LINGER_SILENCE_SECONDS = 3.0
LINGER_SECONDS = 30.0
LINGER_FINISHING_SECONDS = 1.0
# An answer that a client has not read after so long is given up.
SENDING_SECONDS = 75.0

# Java's client offers HTTP/2 with each request; what it was told about its body it was told before.
OFFERING = (b"connection", b"upgrade", b"http2-settings", b"expect")

STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}
# Content-Length has no more digits than this unless it has to be looked at.
HARMLESS_DIGITS = len(str(MAX_BODY_BYTES)) - 1
# Of a header line beside its name and its value.
LINE_BYTES = 4

log = logging.getLogger(__name__)


class Asked(msgspec.Struct):
    """A request as far as it has arrived.

    Attributes:
        has_head: its headers are complete; what follows the body does not add to them.
        more: the body from its second part on.
        stalled_size: bytes that came since the last part of the body, or of the head, was whole.
    """

    headers: dict[bytes, bytes]
    target: bytes = b""
    head_size: int = 0
    has_head: bool = False
    body: bytes = b""
    more: bytearray | None = None
    size: int = 0
    stalled_size: int = 0
    method: bytes = b""
    is_last: bool = False


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
        self._asked = Asked({})
        self._is_arriving = False
        self._offered: Asked | None = None
        self._arrived: deque[Asked] = deque()
        self._is_sending = False
        self._has_ended = False
        self._linger_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        """Return True if no request of it has begun to arrive."""
        return not self._is_arriving

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client is there."""
        # uvloop's class has all that asyncio.Transport has and does not derive from it.
        self._transport = cast(asyncio.Transport, transport)
        self._connections.opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The client has gone."""
        self._connections.opened.discard(self)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def pause_writing(self) -> None:
        """The client does not read its answers, so no more of its requests are read."""
        self._is_sending = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._is_sending = False
        if self._transport is not None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete now."""
        self.last_seen = time.monotonic()
        if self._has_ended:
            return
        asked = self._asked if self._is_arriving else None
        size = 0 if asked is None else asked.size
        try:
            self._feed(data)
            if asked is not None and asked is self._asked and self._is_arriving:
                self._count_stalled(asked, len(data), size)
        except (httptools.HttpParserError, RequestError) as error:
            self._answer_arrived()
            self._refuse(error)
        else:
            self._answer_arrived()

    def finish(self) -> None:
        """Answer one request more and end with it; from now on the client has been silent."""
        self.last_seen = time.monotonic()
        if self._has_ended:
            self._linger_until = min(self._linger_until, self.last_seen + LINGER_FINISHING_SECONDS)
            self._linger()

    def close_unless_asked(self) -> None:
        """End the connection, unless bytes wait in its socket that nobody has looked at yet."""
        if not self._has_ended and not self._has_unread():
            self._end()

    def expire(self) -> None:
        """End the connection of a client that sends nothing, or does not read its answers."""
        if self._is_sending and self._transport is not None:
            self._transport.abort()
        else:
            self.close_unless_asked()

    def shed(self) -> bool:
        """Give up the descriptor at once, unless the client has asked; whether it was given up."""
        is_done = self._has_ended or self._is_sending
        if self._transport is None or not (is_done or not self._has_unread()):
            return False
        self._has_ended = True
        self._transport.abort()
        return True

    # The parser calls these.

    def on_message_begin(self) -> None:
        """A request begins."""
        self._asked = Asked({})
        self._is_arriving = True

    def on_url(self, url: bytes) -> None:
        """A part of the request's target."""
        asked = self._asked
        asked.target += url
        if len(asked.target) > MAX_TARGET_BYTES:
            raise long_target()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header line, or one of a trailer, which says nothing about the request."""
        asked = self._asked
        asked.head_size += len(name) + len(value) + LINE_BYTES
        if asked.head_size > MAX_HEAD_BYTES:
            raise large_head()
        if not asked.has_head:
            asked.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The body may come now, unless it is too large; some clients want to be told."""
        asked = self._asked
        asked.has_head = True
        asked.method = self._parser.get_method()
        length = asked.headers.get(b"content-length")
        if length is not None and len(length) > HARMLESS_DIGITS and int(length) > MAX_BODY_BYTES:
            raise large_body()
        expected = asked.headers.get(b"expect")
        if expected is not None and expected.lower() == b"100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        asked = self._asked
        asked.size += len(body)
        if asked.size > MAX_BODY_BYTES:
            raise large_body()
        if asked.size == len(body):
            asked.body = body
        elif asked.more is None:
            asked.more = bytearray(body)
        else:
            asked.more += body

    def on_message_complete(self) -> None:
        """The request is here; it is answered when the parser has returned."""
        asked = self._asked
        # HTTP/1.0 has its own way of staying open, which no client of ours speaks.
        is_1_1 = self._parser.get_http_version() == "1.1"
        asked.is_last = not (is_1_1 and self._parser.should_keep_alive())
        self._is_arriving = False
        if self._parser.should_upgrade():
            self._offered = asked
        else:
            self._arrived.append(asked)

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
        """Read a head again without its offer of another protocol, which cost it its body."""
        asked, self._offered = self._offered, None
        if asked is None or asked.method == b"CONNECT":
            raise RequestError("This is no HTTP request.")
        self._parser = httptools.HttpRequestParser(self)
        kept = {name: value for name, value in asked.headers.items() if name not in OFFERING}
        lines = [b"%s %s HTTP/1.1" % (asked.method, asked.target)]
        lines += [b"%s: %s" % header for header in kept.items()]
        self._parser.feed_data(b"\r\n".join([*lines, b"", b""]))

    def _count_stalled(self, asked: Asked, length: int, size: int) -> None:
        """Count what belongs to no body; the parser gathers a header line of any length."""
        asked.stalled_size = asked.stalled_size + length if asked.size == size else 0
        if asked.stalled_size > MAX_HEAD_BYTES:
            raise large_head()

    def _refuse(self, error: Exception) -> None:
        """Say why, and read no more; the parser wraps what was raised in its callbacks."""
        cause = error if isinstance(error, RequestError) else error.__context__
        if not isinstance(cause, RequestError):
            cause = RequestError("This is no HTTP request.")
        self._write(self._application.refuse(cause), is_last=True)

    def _answer_arrived(self) -> None:
        while self._arrived:
            asked = self._arrived.popleft()
            is_last = asked.is_last or (
                self._connections.is_finishing and not self._arrived and not self._is_arriving
            )
            self._write(self._answer(asked), is_last=is_last, is_bare=asked.method == b"HEAD")
            if is_last:
                self._arrived.clear()

    def _answer(self, asked: Asked) -> Answer:
        path = asked.target.partition(b"?")[0]
        body = asked.body if asked.more is None else asked.body + asked.more
        try:
            return self._application.answer(asked.method, path, asked.headers, body)
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
        is_finishing = self._connections.is_finishing
        seconds = LINGER_FINISHING_SECONDS if is_finishing else LINGER_SECONDS
        self._linger_until = self.last_seen + seconds
        # A client may have to send all of its request before it reads.
        self._transport.resume_reading()
        self._transport.write_eof()
        self._linger()

    def _linger(self) -> None:
        """Close once the client has been silent for long enough, and look again until then."""
        if self._transport is None:
            return
        now = time.monotonic()
        until = min(self._linger_until, self.last_seen + LINGER_SILENCE_SECONDS)
        if self._transport.get_write_buffer_size():
            until = self._linger_until + SENDING_SECONDS
        if now >= until:
            # What the system has taken over is sent all the same.
            self._transport.abort()
            return
        if self._timer is not None:
            self._timer.cancel()
        wait = min(until - now, LINGER_SILENCE_SECONDS)
        self._timer = asyncio.get_running_loop().call_later(wait, self._linger)

    def _has_unread(self) -> bool:
        """Return True if the client's bytes wait in the socket: it has asked already."""
        found = None if self._transport is None else self._transport.get_extra_info("socket")
        if found is None:
            return False
        try:
            waiting = fcntl.ioctl(found.fileno(), termios.FIONREAD, bytes(4))
        except OSError:
            return False
        return bool(struct.unpack("i", waiting)[0])
