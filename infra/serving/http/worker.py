"""A worker process: scores requests on connections that the supervisor passes to it.

The parent hands connections over a socket pair; when that closes, for whatever reason, the worker
finishes what was begun and ends. So no worker outlives its parent.

To finish is to answer what has begun to arrive and one request more on each connection, and to
say with that answer that it is the last. A connection on which nothing comes for a second is ended
without one: the request that a client sends just then gets no byte of an answer, and is not scored.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import Callable

import uvloop

from infra.serving.application import Application
from infra.serving.http.connection import Connection
from infra.serving.http.connections import Connections
from infra.serving.http.descriptors import read_connection_limit
from infra.serving.http.settings import Settings
from infra.serving.http.worker_slot import RETIRING
from infra.serving.model import Scorer
from infra.serving.telemetry import Metrics, Recorder

DRAIN_SECONDS = 20.0
QUIET_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 75.0
CHECK_SECONDS = 5.0
POLL_SECONDS = 0.02
STDOUT = 1
TOO_MANY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\n"
    b"connection: close\r\n\r\n"
)

log = logging.getLogger(__name__)


def run_worker(
    scorer: Scorer, settings: Settings, *, channel: socket.socket, ended: Callable[[], None]
) -> None:
    """Serve until the channel ends or SIGTERM comes.

    Args:
        scorer: the loaded model.
        settings: of the container.
        channel: brings connections; its end ends the worker.
        ended: is called once for each connection that has ended.
    """
    # Ctrl-C reaches every process of a terminal; the parent ends its workers in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(scorer, settings, channel=channel, ended=ended))


async def _serve(
    scorer: Scorer, settings: Settings, *, channel: socket.socket, ended: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()
    metrics = recorder = None
    if settings.endpoint is not None:
        metrics = Metrics(scorer.bundle, endpoint=settings.endpoint, write=_write_line)
    if settings.capture is not None:
        recorder = Recorder(settings.capture, call_later=loop.call_later)
    application = Application(scorer, version=settings.version, metrics=metrics, recorder=recorder)
    connections = Connections(application, limit=read_connection_limit())
    arrivals = _Arrivals(channel, connections, ended=ended)
    loop.add_reader(channel, arrivals.take)
    loop.add_signal_handler(signal.SIGTERM, arrivals.retire)
    tasks = [
        asyncio.create_task(_report(metrics, recorder, seconds=settings.metrics_seconds)),
        asyncio.create_task(_close_silent(connections)),
    ]
    await arrivals.wait_for_end()
    await _drain(connections)
    for task in tasks:
        task.cancel()
    if metrics is not None:
        metrics.flush()
    if recorder is not None:
        recorder.close()


class _Counted(Connection):
    """A connection that counts its end."""

    def __init__(self, connections: Connections, *, ended: Callable[[], None]) -> None:
        super().__init__(connections)
        self._ended = ended

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._ended()


class _Arrivals:
    """The connections that arrive through the channel."""

    def __init__(
        self, channel: socket.socket, connections: Connections, *, ended: Callable[[], None]
    ) -> None:
        self._channel = channel
        self._connections = connections
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._arriving: set[asyncio.Task[object]] = set()
        self._end = asyncio.Event()

    def take(self) -> None:
        """Take one connection from the channel, or see its end."""
        has_capacity = self._connections.has_capacity()
        try:
            message, descriptors, _, _ = socket.recv_fds(self._channel, 1, 1)
        except BlockingIOError:
            return
        if not message:
            self._close()
        elif not descriptors:
            # The system drops what it has no descriptor for.
            log.error("A connection was lost: no file could be opened. Raise ulimit -n")
            self._ended()
        for descriptor in descriptors:
            connection = socket.socket(fileno=descriptor)
            if not has_capacity:
                self._turn_away(connection)
                continue
            task = self._loop.create_task(self._open(connection))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)

    def retire(self) -> None:
        """Ask the supervisor for no more connections; those already passed are taken first."""
        try:
            self._channel.send(RETIRING)
        except OSError:
            # The parent has gone or has closed the channel; the reader sees that.
            log.info("The parent takes no word any more")

    def _close(self) -> None:
        self._loop.remove_reader(self._channel)
        self._channel.close()
        self._end.set()

    def _turn_away(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.send(TOO_MANY)
        self._ended()

    async def wait_for_end(self) -> None:
        """Wait until the channel has ended and its connections are open."""
        await self._end.wait()
        if self._arriving:
            await asyncio.wait(self._arriving)

    async def _open(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: _Counted(self._connections, ended=self._ended), connection
            )
        except OSError:
            # The client has gone already.
            connection.close()
            self._ended()


async def _drain(connections: Connections) -> None:
    log.info("Shutting down: %d connections are open", len(connections.opened))
    began = time.monotonic()
    connections.finish()
    while connections.opened and (now := time.monotonic()) < began + DRAIN_SECONDS:
        connections.close_idle(since=now - QUIET_SECONDS)
        await asyncio.sleep(POLL_SECONDS)
    if connections.opened:
        log.error("%d requests did not end in %.0f s", len(connections.opened), DRAIN_SECONDS)


async def _close_silent(connections: Connections) -> None:
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        connections.close_silent(since=time.monotonic() - KEEP_ALIVE_SECONDS)


async def _report(metrics: Metrics | None, recorder: Recorder | None, *, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        if metrics is not None:
            metrics.flush()
        if recorder is not None:
            recorder.log_dropped()


def _write_line(line: bytes) -> None:
    """Write a line in one call, because several workers share stdout."""
    os.write(STDOUT, line)
