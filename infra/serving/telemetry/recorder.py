"""The container's own data capture, for platforms without one.

A request only leaves its bytes in a queue. Lines are made between requests, a few at a time, and
a thread writes them, so that neither a burst nor a slow disk holds up a score. What does not fit
is dropped and counted: a score is worth more than its record.
"""

import logging
import queue
import threading
import uuid
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

import msgspec

from infra.serving.telemetry.capture import capture_line

MAX_WAITING_BYTES = 16 * 1024 * 1024
MAX_WAITING_BATCHES = 16
LINES_PER_SLICE, LINES_PER_BATCH = 8, 512
# Each batch makes the writer's thread and the scoring one wait for each other, so few are made.
PAUSE_SECONDS = 0.1
PATIENCE_SECONDS = 5.0
NO_HOUR = datetime.min.replace(tzinfo=UTC)

CallLater = Callable[[float, Callable[[], None]], object]

log = logging.getLogger(__name__)


class Exchange(msgspec.Struct, frozen=True, gc=False):
    """A request and its answer, as they went over the wire."""

    body: bytes
    answer: bytes
    body_type: str
    answer_type: str
    inference_id: str | None
    time: datetime


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Lines of one hour."""

    hour: datetime
    count: int
    lines: bytes


class Recorder:
    """Captures the exchanges of one worker in files by hour: `yyyy/mm/dd/hh/<worker>.jsonl`.

    Attributes:
        dropped: exchanges that were not written since the start.
    """

    def __init__(self, folder: Path, *, call_later: CallLater) -> None:
        """Start the writer.

        Args:
            folder: receives the files.
            call_later: runs a function after some seconds, between requests, as an event loop does.
        """
        self.dropped = 0
        self._told = 0
        self._folder = folder
        self._name = f"{uuid.uuid4()}.jsonl"
        self._call_later = call_later
        self._is_scheduled = False
        self._waiting: deque[Exchange] = deque()
        self._waiting_bytes = 0
        self._hour = NO_HOUR
        self._lines: list[bytes] = []
        self._batches: queue.Queue[Batch | None] = queue.Queue(MAX_WAITING_BATCHES)
        self._writer = threading.Thread(target=self._write_batches, daemon=True)
        self._writer.start()

    def record(self, exchange: Exchange) -> None:
        """Queue an exchange, or drop it when the queue is full."""
        size = len(exchange.body) + len(exchange.answer)
        if self._waiting_bytes + size > MAX_WAITING_BYTES:
            self.dropped += 1
            return
        self._waiting.append(exchange)
        self._waiting_bytes += size
        if not self._is_scheduled:
            self._is_scheduled = True
            self._call_later(PAUSE_SECONDS, self._make_slice)

    def log_dropped(self) -> None:
        """Log the number of lines dropped since the last log message."""
        count = self.dropped - self._told
        if count:
            self._told += count
            log.warning("Dropped %d captured requests; %s is too slow", count, self._folder)

    def close(self) -> None:
        """Write the queue, for a few seconds at most."""
        while self._waiting:
            self._make_lines()
        self._hand_on()
        try:
            self._batches.put(None, timeout=PATIENCE_SECONDS)
        except queue.Full:
            self.dropped += self._batches.qsize()
        self._writer.join(PATIENCE_SECONDS)
        self.log_dropped()

    def _make_slice(self) -> None:
        self._make_lines()
        self._is_scheduled = bool(self._waiting)
        if self._is_scheduled:
            # Requests that have come meanwhile go first.
            self._call_later(0, self._make_slice)
        else:
            self._hand_on()

    def _make_lines(self) -> None:
        for _ in range(min(LINES_PER_SLICE, len(self._waiting))):
            exchange = self._waiting.popleft()
            self._waiting_bytes -= len(exchange.body) + len(exchange.answer)
            hour = exchange.time.replace(minute=0, second=0, microsecond=0)
            if hour != self._hour or len(self._lines) >= LINES_PER_BATCH:
                self._hand_on()
            self._hour = hour
            self._lines.append(_line_of(exchange))

    def _hand_on(self) -> None:
        """Pass the lines of one hour to the writer."""
        if not self._lines:
            return
        try:
            self._batches.put_nowait(Batch(self._hour, len(self._lines), b"".join(self._lines)))
        except queue.Full:
            self.dropped += len(self._lines)
        self._lines = []

    def _write_batches(self) -> None:
        sink, hour = None, NO_HOUR
        while (batch := self._batches.get()) is not None:
            try:
                if sink is None or batch.hour != hour:
                    if sink is not None:
                        sink.close()
                    sink, hour = self._open(batch.hour), batch.hour
                sink.write(batch.lines)
            except OSError as error:
                sink = None
                self.dropped += batch.count
                log.warning("Cannot capture into %s: %s", self._folder, error.strerror)
        if sink is not None:
            sink.close()

    def _open(self, hour: datetime) -> FileIO:
        path = self._folder / f"{hour:%Y/%m/%d/%H}" / self._name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab", buffering=0)


def _line_of(exchange: Exchange) -> bytes:
    return capture_line(
        exchange.body,
        exchange.answer,
        body_type=exchange.body_type,
        answer_type=exchange.answer_type,
        inference_id=exchange.inference_id,
        time=exchange.time,
    )
