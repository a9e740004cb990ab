"""One process a folder: a lock that ends with its holder, however that ends."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from expectations.contract import InputError

FILE = "lock"


@contextlib.contextmanager
def held(folder: Path, *, holder: str) -> Iterator[None]:
    """Keep a folder for this process, for a block.

    Args:
        folder: made where it is not there.
        holder: as a refused process is told, such as `overnight up`.

    Raises:
        InputError: when another process keeps it, with that one's id.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # The file stays: a process that waits for a removed one would not see its successor.
    descriptor = os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, folder)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{holder} (process {os.getpid()})".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def refuse_held(folder: Path) -> None:
    """Refuse a folder that another process keeps now.

    Raises:
        InputError: with that process's id.
    """
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(folder / FILE, os.O_RDWR)
        try:
            _lock(descriptor, folder)
        finally:
            os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 256, 0).decode(errors="replace") or "Another process"
        raise InputError(
            f"{holder} uses {folder} already: stop it, or give this one a folder of its own "
            "(OVERNIGHT_HOME)."
        ) from None
