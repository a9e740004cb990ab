"""The container's parent process: starts workers, hands them connections, replaces the dead.

It loads and checks the model once; the workers are forks, so they share its memory. A connection
goes to the worker that holds the fewest: a socket that the workers accepted from themselves would
leave one of them idle whenever few clients keep their connections open.
"""

import gc
import logging
import mmap
import os
import selectors
import signal
import socket
import struct
import time

from infra.serving.scorer import Scorer
from infra.serving.settings import Settings

END_SECONDS = 25.0
BACKLOG = 2048
MAX_EARLY_DEATHS = 5
EARLY_SECONDS = 10.0
MAX_PAUSE_SECONDS = 2.0
COUNT = struct.Struct("Q")

log = logging.getLogger(__name__)


class CrewError(Exception):
    """The workers cannot be kept running."""


class Seat:
    """The place of a worker: whoever holds it now, and its connections.

    Attributes:
        pid: of the worker; 0 when there is none.
    """

    def __init__(self) -> None:
        self.pid = 0
        self.channel: socket.socket | None = None
        self.started = 0.0
        self._given = 0
        self._ended = mmap.mmap(-1, COUNT.size)

    @property
    def connections(self) -> int:
        """How many its worker holds."""
        return self._given - int(COUNT.unpack_from(self._ended)[0])

    def hand_over(self, connection: socket.socket) -> bool:
        """Give the worker a connection; whether it took it."""
        if self.channel is None:
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
        """The worker has gone, and its connections with it; how many seconds it lived."""
        self.close()
        self.pid, self._given = 0, 0
        COUNT.pack_into(self._ended, 0, 0)
        return time.monotonic() - self.started

    def close(self) -> None:
        """Let the worker finish and end."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    def count_ended(self) -> None:
        """One connection has ended; the worker calls this in its own process."""
        COUNT.pack_into(self._ended, 0, COUNT.unpack_from(self._ended)[0] + 1)


class Crew:
    """Workers of one scorer behind one listening socket."""

    def __init__(self, scorer: Scorer, settings: Settings, listener: socket.socket) -> None:
        self._scorer = scorer
        self._settings = settings
        self._listener = listener
        self._seats = [Seat() for _ in range(settings.workers)]
        self._selector = selectors.DefaultSelector()
        self._wake, wakes = socket.socketpair()
        for end in (self._wake, wakes):
            end.settimeout(0)
        self._wakes = wakes
        self._is_ending = False
        self._early_deaths = 0

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then let the workers finish.

        Raises:
            CrewError: when workers die as soon as they start.
        """
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._listener.settimeout(0)
        self._listener.listen(BACKLOG)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        gc.collect()
        # What the model holds is never garbage; untouched pages stay shared.
        gc.freeze()
        try:
            self._fill_seats()
            while not self._is_ending:
                self._wait()
        finally:
            self._accept_all()
            self._listener.close()
            self._let_finish()

    def _wait(self) -> None:
        """Until something happens: a connection, a signal, a worker's end."""
        for key, _ in self._selector.select():
            if key.fileobj is self._listener:
                self._accept_all()
            else:
                self._wake.recv(4096)
                self._replace_dead()

    def _end(self, *_: object) -> None:
        self._is_ending = True

    def _accept_all(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                # Nobody waits any more, or a client went away while it waited.
                return
            with connection:
                seats = sorted(self._seats, key=lambda seat: seat.connections)
                if not any(seat.hand_over(connection) for seat in seats):
                    log.warning("No worker could take a connection; it was closed")

    def _replace_dead(self) -> None:
        for seat in self._seats:
            code = _exit_code(seat.pid)
            if code is None:
                continue
            pid, lived = seat.pid, seat.leave()
            log.warning("Worker %d ended with %d after %.1f s", pid, code, lived)
            self._early_deaths = self._early_deaths + 1 if lived < EARLY_SECONDS else 0
        if self._is_ending:
            return
        if self._early_deaths > MAX_EARLY_DEATHS:
            raise CrewError(
                f"{self._early_deaths} workers in a row ended within {EARLY_SECONDS:.0f} s. "
                "Look at the log above for their last words."
            )
        if self._early_deaths > 1:
            time.sleep(min(0.1 * 2**self._early_deaths, MAX_PAUSE_SECONDS))
        self._fill_seats()

    def _fill_seats(self) -> None:
        for seat in self._seats:
            if not seat.pid:
                self._start(seat)

    def _start(self, seat: Seat) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        theirs.settimeout(0)
        pid = os.fork()
        if pid:
            theirs.close()
            seat.take(pid, ours)
            return
        code = 1
        try:
            ours.close()
            self._become_worker(seat, theirs)
            code = 0
        except BaseException:
            # A fork must not go on as its parent.
            log.exception("A worker failed")
        finally:
            logging.shutdown()
            os._exit(code)

    def _become_worker(self, seat: Seat, channel: socket.socket) -> None:
        from infra.serving.worker import run_worker

        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # While another process holds a channel's end, its closing goes unnoticed.
        for other in self._seats:
            other.close()
        self._listener.close()
        self._selector.close()
        run_worker(self._scorer, self._settings, channel=channel, ended=seat.count_ended)

    def _let_finish(self) -> None:
        for seat in self._seats:
            seat.close()
        until = time.monotonic() + END_SECONDS
        while time.monotonic() < until and any(seat.pid for seat in self._seats):
            for seat in self._seats:
                if _exit_code(seat.pid) is not None:
                    seat.leave()
            time.sleep(0.02)
        for seat in self._seats:
            if seat.pid:
                log.error("Worker %d did not finish in %.0f s; it is killed", seat.pid, END_SECONDS)
                os.kill(seat.pid, signal.SIGKILL)
                os.waitpid(seat.pid, 0)


def _exit_code(pid: int) -> int | None:
    """The exit code of a worker that has ended; None while it runs, or when there is none."""
    if not pid:
        return None
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None
