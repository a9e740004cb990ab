"""The place of a worker: whoever holds it now, its channel, and how many connections it has.

Split from the crew because both processes use it: the parent counts what it gave, the worker
what has ended, in memory that they share.
"""

import mmap
import os
import socket
import struct
import time

COUNT = struct.Struct("Q")
RETIRING = b"r"
# A worker makes room for a connection when it takes it; so many may wait for that.
WAITING = 16


class Seat:
    """The place of a worker.

    Attributes:
        pid: of the worker; 0 when there is none.
        channel: takes connections to it; None when it takes no more.
    """

    def __init__(self, *, limit: int) -> None:
        """An empty seat.

        Args:
            limit: how many connections a worker may hold.
        """
        self.pid = 0
        self.channel: socket.socket | None = None
        self.started = 0.0
        self._most = limit + WAITING
        self._given = 0
        self._ended = mmap.mmap(-1, COUNT.size)

    @property
    def connections(self) -> int:
        """Number of connections that its worker holds."""
        return self._given - int(COUNT.unpack_from(self._ended)[0])

    def hand_over(self, connection: socket.socket) -> bool:
        """Give the worker a connection; whether it took it."""
        if self.channel is None or self.connections >= self._most:
            return False
        try:
            socket.send_fds(self.channel, [b"c"], [connection.fileno()])
        except OSError:
            return False
        self._given += 1
        return True

    def take(self, pid: int, channel: socket.socket) -> None:
        """A worker sits down."""
        self.pid, self.channel, self.started = pid, channel, time.monotonic()

    def leave(self) -> float:
        """The worker has gone, or finishes apart; how many seconds it was here."""
        self.close()
        self.pid, self._given = 0, 0
        # The one that finishes still counts, in the memory that it has.
        self._ended = mmap.mmap(-1, COUNT.size)
        return time.monotonic() - self.started

    def close(self) -> None:
        """Let the worker finish and end."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    def count_ended(self) -> None:
        """One connection has ended; the worker calls this in its own process."""
        COUNT.pack_into(self._ended, 0, COUNT.unpack_from(self._ended)[0] + 1)


def exit_code(pid: int) -> int | None:
    """The exit code of a worker that has ended; None while it runs, or when there is none."""
    if not pid:
        return None
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None
