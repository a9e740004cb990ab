"""The end of a connection that the server closes, in two steps (RFC 9112, section 9.6).

The sending side is closed first, and the connection once the client has read that. Closed at once,
with bytes of the client unread, it would be reset, and the reset could overtake the last answer.
"""

import asyncio
import fcntl
import struct
import termios
import time

# What a client still sends is read and dropped: until it has been silent for so long, and in all.
# In a shutdown there is less time for that.
SILENCE_SECONDS = 3.0
LINGER_SECONDS = 30.0
FINISHING_SECONDS = 1.0
# An answer that a client has not read after so long is given up.
SENDING_SECONDS = 75.0


class Lingering:
    """A connection on which nothing more is sent, until the client closes it or falls silent."""

    def __init__(self, transport: asyncio.Transport, *, is_finishing: bool) -> None:
        """Close the sending side, and the connection later.

        Args:
            transport: of the connection, open.
            is_finishing: the worker is shutting down.
        """
        self._transport = transport
        self._silent_since = time.monotonic()
        self._until = self._silent_since + (FINISHING_SECONDS if is_finishing else LINGER_SECONDS)
        self._timer: asyncio.TimerHandle | None = None
        # A client may have to send all of its request before it reads.
        transport.resume_reading()
        transport.write_eof()
        self._close_or_wait()

    def restart_silence(self) -> None:
        """Count the client's silence from now: it has sent something."""
        self._silent_since = time.monotonic()

    def hasten(self) -> None:
        """Close soon, because the worker shuts down."""
        self.restart_silence()
        self._until = min(self._until, self._silent_since + FINISHING_SECONDS)
        self._close_or_wait()

    def cancel(self) -> None:
        """Do nothing more: the connection is closed."""
        if self._timer is not None:
            self._timer.cancel()

    def _close_or_wait(self) -> None:
        now = time.monotonic()
        until = min(self._until, self._silent_since + SILENCE_SECONDS)
        if self._transport.get_write_buffer_size():
            until = self._until + SENDING_SECONDS
        if now >= until:
            # What the system has taken over is sent all the same.
            self._transport.abort()
            return
        self.cancel()
        wait = min(until - now, SILENCE_SECONDS)
        self._timer = asyncio.get_running_loop().call_later(wait, self._close_or_wait)


def has_unread_bytes(transport: asyncio.Transport | None) -> bool:
    """Return True if bytes of the client wait in the socket: it has sent a request already."""
    found = None if transport is None else transport.get_extra_info("socket")
    if found is None:
        return False
    try:
        waiting = fcntl.ioctl(found.fileno(), termios.FIONREAD, bytes(4))
    except OSError:
        return False
    return bool(struct.unpack("i", waiting)[0])
