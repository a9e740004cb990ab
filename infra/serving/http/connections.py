"""The open connections of a worker: what they share, how many there may be, and how they end.

A file descriptor is a resource that clients use up: at the limit, connections without a request
give way to new ones, so that a health check is answered however many clients keep idle ones.
"""

import logging
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

from infra.serving.application import Application

if TYPE_CHECKING:
    from infra.serving.http.connection import Connection

# At the limit so many give way at once, that they need not be sorted for each new one.
SHED_SHARE = 0.1
# A request of which nothing came for so long gives way too when there is no idle connection.
STALLED_SECONDS = 5.0
LOG_SECONDS = 10.0

log = logging.getLogger(__name__)


class Connections:
    """The open connections of a worker.

    Attributes:
        opened: all of them.
        limit: how many there may be.
        is_finishing: answers are the last of their connections.
    """

    def __init__(self, application: Application, *, limit: int) -> None:
        self.application = application
        self.opened: set[Connection] = set()
        self.limit = limit
        self.is_finishing = False
        self._date_of = 0
        self._date = b""
        self._unlogged = self._refused = 0
        self._logged_at = float("-inf")

    def date(self) -> bytes:
        """Return the Date header, formatted once a second."""
        now = int(time.time())
        if now != self._date_of:
            self._date_of, self._date = now, f"date: {formatdate(now, usegmt=True)}\r\n".encode()
        return self._date

    def has_capacity(self) -> bool:
        """Return True if one more may be opened, once idle ones have given way if need be."""
        if len(self.opened) < self.limit:
            return True
        ended = self._shed()
        self._unlogged += ended
        self._refused += not ended
        self._log_shortage()
        return ended > 0

    def close_silent(self, *, since: float) -> None:
        """End the connections on which nothing has come since a time of `time.monotonic`."""
        for connection in list(self.opened):
            if connection.last_seen < since:
                connection.expire()

    def close_idle(self, *, since: float) -> None:
        """End those of them that wait for a request."""
        for connection in list(self.opened):
            if connection.is_idle and connection.last_seen < since:
                connection.close_unless_asked()

    def finish(self) -> None:
        """Let each have one answer more, with which it ends."""
        self.is_finishing = True
        for connection in list(self.opened):
            connection.finish()

    def _shed(self) -> int:
        """End the connections that have been idle longest; how many."""
        most = max(1, int(self.limit * SHED_SHARE))
        stalled = time.monotonic() - STALLED_SECONDS
        found = [c for c in self.opened if c.is_idle] or [
            c for c in self.opened if c.last_seen < stalled
        ]
        found.sort(key=lambda connection: connection.last_seen)
        return sum(connection.shed() for connection in found[:most])

    def _log_shortage(self) -> None:
        now = time.monotonic()
        if now - self._logged_at < LOG_SECONDS:
            return
        log.warning(
            "%d connections are open, as many as the limit of open files allows: closed %d that "
            "were idle, refused %d new ones. Raise the limit (ulimit -n)",
            len(self.opened),
            self._unlogged,
            self._refused,
        )
        self._logged_at, self._unlogged, self._refused = now, 0, 0
