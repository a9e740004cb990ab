"""The prefork supervisor: starts workers, passes them connections, replaces dead ones.

It loads and checks the model once; the workers are forks, so they share its memory. A connection
goes to the worker that holds the fewest: a socket that the workers accepted from themselves would
leave one of them idle whenever few clients keep their connections open.

A worker that gets SIGTERM says so first, finishes with the connections that it has, and a new
worker gets its slot meanwhile.
"""

import errno
import gc
import logging
import os
import selectors
import signal
import socket
import time

from infra.serving.http.descriptors import read_connection_limit
from infra.serving.http.settings import Settings
from infra.serving.http.worker import run_worker
from infra.serving.http.worker_slot import WorkerSlot, exit_code
from infra.serving.model import Scorer

END_SECONDS = 25.0
BACKLOG = 2048
MAX_EARLY_DEATHS = 5
EARLY_SECONDS = 10.0
MAX_PAUSE_SECONDS = 2.0
# Until a worker has capacity, or descriptors are free again.
RETRY_SECONDS = 0.02
# In an end, for the connections that wait.
LAST_SECONDS = 2.0
LOG_SECONDS = 10.0
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

log = logging.getLogger(__name__)


class PreforkError(Exception):
    """The workers cannot be kept running."""


class PreforkSupervisor:
    """Workers of one scorer behind one listening socket."""

    def __init__(self, scorer: Scorer, settings: Settings, listener: socket.socket) -> None:
        self._scorer = scorer
        self._settings = settings
        self._listener = listener
        limit = read_connection_limit()
        self._slots = [WorkerSlot(limit=limit) for _ in range(settings.workers)]
        self._finishing: set[int] = set()
        self._selector = selectors.DefaultSelector()
        self._wake, wakes = socket.socketpair()
        for end in (self._wake, wakes):
            end.settimeout(0)
        self._wakes = wakes
        self._is_ending = False
        self._early_deaths = 0
        self._waiting_connection: socket.socket | None = None
        self._logged_at = float("-inf")

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then let the workers finish.

        Raises:
            PreforkError: when workers die as soon as they start.
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
            self._fill_slots()
            while not self._is_ending:
                self._wait()
        finally:
            self._accept_last()
            self._listener.close()
            self._let_finish()

    def _wait(self) -> None:
        """Wait for a connection, a signal or the end of a worker."""
        is_full = not self._accept_all()
        if is_full:
            # The listener stays ready, so it is not polled.
            time.sleep(RETRY_SECONDS)
        for key, _ in self._selector.select(0 if is_full else None):
            if key.fileobj is self._wake:
                self._wake.recv(4096)
                self._replace_dead()
            elif isinstance(key.data, WorkerSlot) and key.fileobj is key.data.channel:
                self._retire(key.data)

    def _end(self, *_: object) -> None:
        self._is_ending = True

    def _accept_all(self) -> bool:
        """Pass on all waiting connections; return False when some have to wait for capacity."""
        while True:
            try:
                connection = self._waiting_connection or self._listener.accept()[0]
            except OSError as error:
                # Nobody waits any more, or a client went away while it waited.
                if error.errno not in EXHAUSTED:
                    return True
                self._log_shortage(f"No connection can be accepted: {error.strerror}")
                return False
            self._waiting_connection = connection
            slots = sorted(self._slots, key=lambda slot: slot.connections)
            if not any(slot.pass_connection(connection) for slot in slots):
                self._log_shortage("No worker has room for a connection")
                return False
            self._waiting_connection = None
            connection.close()

    def _accept_last(self) -> None:
        until = time.monotonic() + LAST_SECONDS
        while not self._accept_all() and time.monotonic() < until:
            time.sleep(RETRY_SECONDS)

    def _log_shortage(self, what: str) -> None:
        """Log a shortage, and not for each connection again."""
        now = time.monotonic()
        if now - self._logged_at >= LOG_SECONDS:
            self._logged_at = now
            log.warning("%s; those that come wait. Raise the limit of open files (ulimit -n)", what)

    def _retire(self, slot: WorkerSlot) -> None:
        """Pass no more connections to a worker that announced its end or has ended."""
        if slot.channel is None:
            return
        try:
            is_finishing = bool(slot.channel.recv(1))
        except BlockingIOError:
            return
        except OSError:
            is_finishing = False
        self._selector.unregister(slot.channel)
        if not is_finishing:
            slot.close()
            return
        pid = slot.pid
        slot.release()
        self._finishing.add(pid)
        log.info("Worker %d finishes; a new one gets its slot", pid)
        if not self._is_ending:
            self._fill_slots()

    def _replace_dead(self) -> None:
        self._reap_finished()
        for slot in self._slots:
            code = exit_code(slot.pid)
            if code is None:
                continue
            if slot.channel is not None:
                self._selector.unregister(slot.channel)
            pid, lived = slot.pid, slot.release()
            log.warning("Worker %d ended with %d after %.1f s", pid, code, lived)
            self._early_deaths = self._early_deaths + 1 if lived < EARLY_SECONDS else 0
        if self._is_ending:
            return
        if self._early_deaths > MAX_EARLY_DEATHS:
            raise PreforkError(
                f"{self._early_deaths} workers in a row ended within {EARLY_SECONDS:.0f} s. "
                "Look at the log above for their last words."
            )
        if self._early_deaths > 1:
            time.sleep(min(0.1 * 2**self._early_deaths, MAX_PAUSE_SECONDS))
        self._fill_slots()

    def _reap_finished(self) -> None:
        self._finishing = {pid for pid in self._finishing if exit_code(pid) is None}

    def _fill_slots(self) -> None:
        for slot in self._slots:
            if not slot.pid:
                self._start(slot)

    def _start(self, slot: WorkerSlot) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        theirs.settimeout(0)
        pid = os.fork()
        if pid:
            theirs.close()
            slot.assign(pid, ours)
            self._selector.register(ours, selectors.EVENT_READ, slot)
            return
        code = 1
        try:
            ours.close()
            self._become_worker(slot, theirs)
            code = 0
        except BaseException:
            # A fork must not go on as its parent.
            log.exception("A worker failed")
        finally:
            logging.shutdown()
            os._exit(code)

    def _become_worker(self, slot: WorkerSlot, channel: socket.socket) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # While another process holds a channel's end, its closing goes unnoticed.
        for other in self._slots:
            other.close()
        if self._waiting_connection is not None:
            self._waiting_connection.close()
        self._listener.close()
        self._selector.close()
        run_worker(self._scorer, self._settings, channel=channel, ended=slot.count_ended)

    def _let_finish(self) -> None:
        for slot in self._slots:
            slot.close()
        self._finishing |= {slot.pid for slot in self._slots if slot.pid}
        until = time.monotonic() + END_SECONDS
        while time.monotonic() < until and self._finishing:
            self._reap_finished()
            time.sleep(RETRY_SECONDS)
        for pid in self._finishing:
            log.error("Worker %d did not finish in %.0f s; it is killed", pid, END_SECONDS)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
