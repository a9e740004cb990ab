"""The HTTP/1.1 server: connections of clients, one request of each at a time.

A handler is called with the whole request and replies when it can: at once, from a callback, or
never. No task is made for a request.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from http import HTTPStatus
from time import perf_counter
from urllib.parse import unquote

import httptools

from infra.loopback import OwnAddresses, find_refusal, own_addresses

# The container refuses above 6 MiB itself; this only bounds what is read for it.
MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_HEAD_BYTES = 64 * 1024
# What a refused client still sends is read and dropped for so long: a reset would overtake the
# refusal.
LINGER_SECONDS = 5.0
DRAIN_SECONDS = 30.0
POLL_SECONDS = 0.02
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
REASONS = {status.value: status.phrase for status in HTTPStatus}


class Request:
    """A request, and the means to reply to it.

    Attributes:
        headers: by their names in lower case.
        received: when it was read whole, by `perf_counter`.
        target: as it was sent; `path` is the decoded path in it.
    """

    __slots__ = (
        "_connection", "_is_mute", "body", "headers", "method", "path", "received", "target",
    )  # fmt: skip

    def __init__(
        self,
        connection: "_Connection",
        *,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        self._connection = connection
        self._is_mute = False
        self.received = perf_counter()
        self.method = method
        self.target = target
        absolute = "" if target.startswith("/") else target.partition("://")[2]
        path = f"/{absolute.partition('/')[2]}" if absolute else target
        self.path = unquote(path.partition("?")[0])
        self.headers = headers
        self.body = body

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Answer; only the first answer counts."""
        if self._is_mute:
            self.drop()
        else:
            self._connection.reply(self, status, body, headers)

    def mute(self) -> None:
        """Discard the answer and close the connection when it would be sent."""
        self._is_mute = True

    def drop(self) -> None:
        """Close the connection without an answer."""
        self._connection.abort()


Handler = Callable[[Request], None]


class Listener:
    """Listens on a port of the loopback address.

    Attributes:
        connections: those that are open.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self.connections: set[_Connection] = set()

    async def start(self, port: int) -> None:
        """Listen; the port must be free."""
        handler = _refuse_foreign(self._handler, OwnAddresses(own_addresses(port)))
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self, handler), "127.0.0.1", port, backlog=512
        )

    async def stop(self) -> None:
        """Accept no new connection, answer the requests that have begun, close the rest."""
        if self._server is not None:
            self._server.close()
        loop = asyncio.get_running_loop()
        end = loop.time() + DRAIN_SECONDS
        while any(c.is_busy for c in self.connections) and loop.time() < end:
            await asyncio.sleep(POLL_SECONDS)
        for connection in list(self.connections):
            connection.close()


def _refuse_foreign(handler: Handler, own: OwnAddresses) -> Handler:
    """Wrap a handler: requests that name another host or come from another page are refused."""

    def answer(request: Request) -> None:
        refusal = find_refusal(own, request.headers, method=request.method, target=request.target)
        if refusal is None:
            handler(request)
        else:
            request.reply(refusal.status, f"{refusal.text}\n".encode(), TEXT)

    return answer


class _Connection(asyncio.Protocol):
    """A client's connection."""

    def __init__(self, listener: Listener, handler: Handler) -> None:
        self._listener = listener
        self._handler = handler
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._size = 0
        self._number = 0
        self._head_size = 0
        self._has_head = False
        self._is_arriving = False
        self._is_refused = False
        self._waiting: deque[Request] = deque()
        self._current: Request | None = None
        self._keeps = True

    @property
    def is_busy(self) -> bool:
        """Return True while a request is not answered."""
        return self._current is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self._transport = transport  # type: ignore[assignment]
        self._listener.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        """Forget the connection; answers to it are lost."""
        self._transport = None
        self._current = None
        self._waiting.clear()
        self._listener.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Parse more bytes, unless a request was refused."""
        if self._is_refused:
            return
        number, size = self._number if self._is_arriving else 0, self._size
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError):
            self._refuse(400)
        # The parser gathers a header line of any length before it calls back.
        is_stalled = self._is_arriving and (number, size) == (self._number, self._size)
        self._head_size = self._head_size + len(data) if is_stalled else 0
        if self._head_size > MAX_HEAD_BYTES:
            self._refuse(431)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._target, self._headers, self._parts, self._size = b"", {}, [], 0
        self._has_head, self._is_arriving = False, True
        self._number += 1

    def on_url(self, url: bytes) -> None:
        """Add a part of the request target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header; trailers are ignored."""
        if self._has_head:
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """Send 100 Continue to a client that expects it."""
        self._has_head = True
        if int(self._headers.get("content-length", "0")) > MAX_BODY_BYTES:
            self._refuse(413)
            return
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Store a part of the body, up to the limit."""
        self._size += len(body)
        if self._is_refused:
            return
        if self._size > MAX_BODY_BYTES:
            self._refuse(413)
        else:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """Pass the request to the handler, or queue it behind the one before."""
        self._is_arriving = False
        if self._transport is None or self._transport.is_closing() or self._is_refused:
            return
        self._keeps = self._parser.should_keep_alive()
        request = Request(
            self,
            method=self._parser.get_method().decode(),
            target=self._target.decode("latin-1"),
            headers=self._headers,
            body=self._parts[0] if len(self._parts) == 1 else b"".join(self._parts),
        )
        if self._current is None:
            self._current = request
            self._handler(request)
        else:
            self._waiting.append(request)

    def reply(self, request: Request, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send an answer to the current request and go on to the next."""
        if self._transport is None or request is not self._current:
            return
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        keeps = "" if self._keeps else "Connection: close\r\n"
        head = (
            f"HTTP/1.1 {status} {REASONS.get(status, 'Error')}\r\n{lines}{keeps}"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode("latin-1", "replace") + body)
        self._current = None
        if not self._keeps and not self._waiting:
            self._transport.close()
        elif self._waiting:
            self._current = self._waiting.popleft()
            self._handler(self._current)

    def close(self) -> None:
        """Close the connection when all is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _refuse(self, status: int) -> None:
        if self._transport is None or self._transport.is_closing() or self._is_refused:
            return
        self._is_refused = True
        self._current = None
        self._waiting.clear()
        line = f"HTTP/1.1 {status} {REASONS[status]}\r\nConnection: close\r\n"
        self._transport.write(f"{line}Content-Length: 0\r\n\r\n".encode())
        self._transport.write_eof()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self.abort)
