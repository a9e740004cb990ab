"""HTTP client: keep-alive connections to one container.

One request is one write and one callback: no task, no copy of the body. A connection that the
container closed before a byte of its answer is no answer: the request is sent once more, on a new
connection, which waits in the socket while a crashed container is started again.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import httptools

# Below the 75 s after which the container closes an idle connection: never reuse a closed one.
IDLE_SECONDS = 30.0
JOINED_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a container; a 503 with the reason when there was none.

    Attributes:
        attributes: the container's custom attributes, None without.
    """

    status: int
    kind: str
    attributes: str | None
    body: bytes


Done = Callable[[Answer], None]


@dataclass(slots=True)
class _Question:
    head: bytes
    body: bytes
    done: Done
    seconds: float
    is_second: bool = False


class Channel:
    """The connections to the container that listens on a port of the loopback address."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Connection] = []
        self._opening: set[asyncio.Task[None]] = set()

    def ask(self, head: bytes, body: bytes, done: Done, *, seconds: float) -> None:
        """Send a request; `done` is called with the answer.

        Args:
            head: request line and headers, with the empty line.
            body: of the request.
            done: called once, later.
            seconds: after which a 503 is the answer.
        """
        question = _Question(head, body, done, seconds)
        oldest = asyncio.get_running_loop().time() - IDLE_SECONDS
        while self._idle:
            connection = self._idle.pop()
            if connection.idle_since > oldest and connection.is_open:
                connection.carry(question)
                return
            connection.close()
        self._open(question)

    def close(self) -> None:
        """Close idle connections."""
        while self._idle:
            self._idle.pop().close()

    def keep(self, connection: "_Connection") -> None:
        """Keep a connection for another request."""
        self._idle.append(connection)

    def lose(self, connection: "_Connection", question: _Question | None, reason: str) -> None:
        """Forget a closed connection; repeat its request if it got no byte of an answer."""
        if connection in self._idle:
            self._idle.remove(connection)
        if question is None:
            return
        if question.is_second:
            question.done(_failed(reason))
            return
        question.is_second = True
        self._open(question)

    def _open(self, question: _Question) -> None:
        task = asyncio.get_running_loop().create_task(self._connect(question))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self, question: _Question) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: _Connection(self), "127.0.0.1", self._port
            )
        except OSError as error:
            question.done(_failed(f"The container cannot be reached: {error}"))
            return
        connection.carry(question)


class _Connection(asyncio.Protocol):
    """One connection and the request that it carries."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._question: _Question | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._has_begun = False
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._has_head = False
        self._parts: list[bytes] = []
        self.idle_since = 0.0
        self.is_open = False

    def carry(self, question: _Question) -> None:
        """Send a request on this connection, which is busy until the answer."""
        self._question = question
        self._has_begun = False
        self._headers = {}
        self._has_head = False
        self._parts = []
        if self._transport is None or not self.is_open:
            self.connection_lost(None)
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(question.seconds, self._expire)
        if len(question.body) <= JOINED_BYTES:
            self._transport.write(question.head + question.body)
        else:
            self._transport.write(question.head)
            self._transport.write(question.body)

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self._transport = transport  # type: ignore[assignment]
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Parse more of the answer."""
        self._has_begun = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._finish(_failed(f"The container's answer is not HTTP: {error}"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Repeat the request, or fail it when its answer had begun."""
        self.is_open = False
        question = self._question
        reason = f"The container closed the connection{f': {exc}' if exc else ''}."
        if question is not None and self._has_begun:
            self._finish(_failed(reason))
            question = None
        self._release()
        self._channel.lose(self, question, reason)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header of the answer; trailers are ignored."""
        if not self._has_head:
            self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Mark the end of the headers; later ones are trailers."""
        self._has_head = True

    def on_body(self, body: bytes) -> None:
        """Store a part of the body."""
        self._parts.append(body)

    def on_message_complete(self) -> None:
        """Complete the answer, and keep the connection if the container does."""
        status = self._parser.get_status_code()
        attributes = self._headers.get(b"x-amzn-sagemaker-custom-attributes")
        kind = self._headers.get(b"content-type", b"application/octet-stream")
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        text = None if attributes is None else attributes.decode("latin-1")
        answer = Answer(status, kind.decode("latin-1"), text, body)
        keeps = self._parser.should_keep_alive()
        done = self._release()
        if keeps:
            self.idle_since = asyncio.get_running_loop().time()
            self._channel.keep(self)
        else:
            self.close()
        if done is not None:
            done(answer)

    def _expire(self) -> None:
        self._finish(_failed("The container did not answer in time."))
        if self._transport is not None:
            self._transport.abort()

    def _finish(self, answer: Answer) -> None:
        done = self._release()
        if done is not None:
            done(answer)

    def _release(self) -> Done | None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        question, self._question = self._question, None
        return None if question is None else question.done


def _failed(reason: str) -> Answer:
    return Answer(503, "text/plain", None, reason.encode())
