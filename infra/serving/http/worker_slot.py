"""Worker slots: the process in each, its channel, and the number of its connections.

Split from the supervisor because both processes use it: the parent counts what it gave, the worker
what has ended, in memory that they share.
"""

import mmap
import os
import socket
import struct
import time

COUNT = struct.Struct("Q")
RETIRING = b"r"
# Connections that may wait in a worker's channel beyond its limit.
WAITING = 16


class WorkerSlot:
    """The slot of a worker process.

    Attributes:
        pid: of the worker; 0 when there is none.
        channel: takes connections to it; None when it takes no more.
    """

    def __init__(self, *, limit: int) -> None:
        """Make a slot without a worker.

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

    def pass_connection(self, connection: socket.socket) -> bool:
        """Pass a connection to the worker; return False when it takes none."""
        if self.channel is None or self.connections >= self._most:
            return False
        try:
            socket.send_fds(self.channel, [b"c"], [connection.fileno()])
        except OSError:
            return False
        self._given += 1
        return True

    def assign(self, pid: int, channel: socket.socket) -> None:
        """Assign a worker process and its channel."""
        self.pid, self.channel, self.started = pid, channel, time.monotonic()

    def release(self) -> float:
        """Free the slot of a worker that ended or finishes; return the seconds it was held."""
        self.close()
        self.pid, self._given = 0, 0
        # The worker that finishes goes on counting in its own mapping.
        self._ended = mmap.mmap(-1, COUNT.size)
        return time.monotonic() - self.started

    def close(self) -> None:
        """Close the channel, so that the worker finishes and ends."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    def count_ended(self) -> None:
        """Count an ended connection; called by the worker in its own process."""
        COUNT.pack_into(self._ended, 0, COUNT.unpack_from(self._ended)[0] + 1)


def exit_code(pid: int) -> int | None:
    """Return the exit code of an ended worker; None while it runs, or without a worker."""
    if not pid:
        return None
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None
