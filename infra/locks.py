"""Locks between the processes of one machine: files that the kernel unlocks when a process ends.

A lock file stays where it is: removing it would let two processes lock two files of one name. It
says who holds it, for those who wait.
"""

import contextlib
import fcntl
import logging
import os
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

# What this process holds, with how often it was entered: a run of all steps enters each step's.
_held: dict[tuple[Path, int], int] = {}
_guard = threading.RLock()

log = logging.getLogger(__name__)


@contextlib.contextmanager
def only_one(path: Path, *, doing: str) -> Iterator[None]:
    """Let one process at a time into a block; the others wait, and log once for whom.

    A thread that is inside may enter again.

    Args:
        path: the lock's file; made with its folder where there is none.
        doing: shown to those who wait, such as `the run of demo`.
    """
    key = (path, threading.get_ident())
    with _guard:
        is_inside = key in _held
        _held[key] = _held.get(key, 0) + 1
    try:
        if is_inside:
            yield
            return
        with _locked(path, doing):
            yield
    finally:
        with _guard:
            _held[key] -= 1
            if not _held[key]:
                del _held[key]


@contextlib.contextmanager
def _locked(path: Path, doing: str) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(file, 1_000, 0).decode(errors="replace").strip()
            log.info("Waiting for %s", holder or f"another process at {doing}")
            fcntl.flock(file, fcntl.LOCK_EX)
        os.ftruncate(file, 0)
        os.pwrite(file, _describe(doing).encode(), 0)
        yield
        os.ftruncate(file, 0)
    finally:
        os.close(file)  # unlocks, unless a forked child holds it too


def _describe(doing: str) -> str:
    program = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]
    return f"{doing}: process {os.getpid()} since {datetime.now(UTC):%F %T} ({program})"
