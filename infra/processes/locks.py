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

from expectations.contract import InputError

FILE = "lock"  # in a folder that one process keeps

# What this process holds, with how often it was entered: a run of all steps enters each step's.
_held: dict[tuple[Path, int], int] = {}
_guard = threading.RLock()

log = logging.getLogger(__name__)


@contextlib.contextmanager
def only_one(path: Path, *, doing: str) -> Iterator[None]:
    """Lock a block for one process; the others wait, and log once for which process.

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
def hold(folder: Path, *, holder: str) -> Iterator[None]:
    """Lock a folder for this process during a block.

    Args:
        folder: made where it is not there.
        holder: name in the message to a refused process, such as `overnight up`.

    Raises:
        InputError: when another process keeps it, with that one's id.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # The file stays: a process that waits for a removed one would not see its successor.
    descriptor = os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _refuse_locked(descriptor, folder)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{holder} (process {os.getpid()})".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def refuse_held(folder: Path) -> None:
    """Refuse a folder that another process has locked.

    Raises:
        InputError: with that process's id.
    """
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(folder / FILE, os.O_RDWR)
        try:
            _refuse_locked(descriptor, folder)
        finally:
            os.close(descriptor)


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


def _refuse_locked(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 256, 0).decode(errors="replace") or "Another process"
        raise InputError(
            f"{holder} uses {folder} already: stop it, or give this one a folder of its own "
            "(OVERNIGHT_HOME)."
        ) from None
