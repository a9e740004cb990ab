"""Outages as a process meets them: disks that are full or read-only, programs that are gone."""

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x00020000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_PRIVATE, MS_REC = 1, 32, 4096, 1 << 18, 16384
_LIBC = ctypes.CDLL(None, use_errno=True)


def enter_own_mounts() -> None:
    """Mounts of this process alone; what it mounts goes when it ends.

    Raises:
        OSError: where the kernel allows no such thing to this user.
    """
    user, group = os.getuid(), os.getgid()
    _check(_LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNS))
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"0 {user} 1"),
        ("gid_map", f"0 {group} 1"),
    ):
        Path(f"/proc/self/{name}").write_text(line)
    _check(_LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))


def mount_small(folder: Path, *, kilobytes: int) -> None:
    """A disk of that size over a folder."""
    enter_own_mounts()
    _check(_LIBC.mount(b"small", bytes(folder), b"tmpfs", 0, f"size={kilobytes}k".encode()))


def mount_read_only(folder: Path) -> None:
    """A folder that nobody can write to, root neither."""
    enter_own_mounts()
    _check(_LIBC.mount(bytes(folder), bytes(folder), None, MS_BIND, None))
    _check(_LIBC.mount(None, bytes(folder), None, MS_REMOUNT | MS_BIND | MS_RDONLY, None))


def can_mount() -> bool:
    """Whether this user may mount in a namespace of its own."""
    child = subprocess.run(
        ["unshare", "-rm", "true"], capture_output=True, check=False
    )  # a fork of this process would do, but it has threads
    return child.returncode == 0


def end_by_signal() -> None:
    """Let a write beyond the limit end the process in the middle of the file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)


def kill_java_at_first_part(folder: Path) -> None:
    """SIGKILL the Java process that this process started as soon as a part is there."""
    session = os.getpid()

    def watch() -> None:
        while not any(folder.rglob("*.parquet*")):
            time.sleep(0.002)
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                its = (entry / "stat").read_text().rsplit(")", 1)[1].split()[3]
                name = (entry / "comm").read_text().strip()
                if int(its) == session and name == "java":
                    os.kill(int(entry.name), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def kill_self_at_first_part(folder: Path) -> None:
    """SIGKILL this process as soon as a part of a table is there, whoever wrote it."""

    def watch() -> None:
        while not any(folder.rglob("*.parquet*")):
            time.sleep(0.002)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
