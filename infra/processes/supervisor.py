"""Supervisor of one command: on its end, every process that the command started ends too.

`python -m infra.processes.supervisor COMMAND …` reads its standard input, a pipe from its parent.
When that closes (the parent ended, by whatever signal), or on SIGTERM or SIGINT, every descendant
gets SIGTERM and, after a grace period, SIGKILL. As a subreaper the supervisor adopts what detaches
itself, so nothing escapes: `airflow standalone` alone starts six processes and leaves them behind.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
POLL_SECONDS = 0.2
GRACE_SECONDS = 15.0


def main(command: list[str]) -> int:
    """Supervise a command until it ends or this process is stopped; return its exit code."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _: stopping.append(received))
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
    while child.poll() is None and not stopping and not _is_stdin_closed():
        pass
    _stop_descendants(child)
    return child.returncode if not stopping else 0


def _is_stdin_closed() -> bool:
    """Wait a moment for the end of standard input; nothing is ever written to it."""
    ready, _, _ = select.select([sys.stdin], [], [], POLL_SECONDS)
    return bool(ready) and not os.read(sys.stdin.fileno(), 1)


def _stop_descendants(child: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + GRACE_SECONDS
        terminated: set[int] = set()
        while time.monotonic() < deadline:
            child.poll()
            _reap()
            family = _descendants(os.getpid()) or ({child.pid} if child.poll() is None else set())
            if not family:
                return
            for pid in family - terminated:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            terminated |= family
            time.sleep(POLL_SECONDS)


def _reap() -> None:
    """Collect adopted processes that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _descendants(root: int) -> set[int]:
    """List the living descendants of `root`, from /proc; empty without /proc."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            state, parent = entry.read_text().rsplit(")", 1)[1].split()[:2]
            if state != "Z":
                parents[int(entry.parent.name)] = int(parent)
    found: set[int] = set()
    frontier = {root}
    while frontier:
        frontier = {pid for pid, parent in parents.items() if parent in frontier} - found
        found |= frontier
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
