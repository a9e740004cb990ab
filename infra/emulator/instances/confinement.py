"""Confinement of a program in an image's tree: read-only, no network, the image's user.

It reads what to do from the variable `CONFINEMENT`, makes a view of the file system of its own, and
replaces itself by the program: the process keeps its number, its parent and its open files, so a
signal reaches the program at once. Root is needed until the view is made. Only the standard library
is imported, as `python -I` runs this file by its path.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

VARIABLE = "CONFINEMENT"
MODEL = "opt/ml/model"
DEVICES = ("full", "null", "random", "urandom", "zero")

# Of <linux/sched.h>, <linux/mount.h> and <linux/prctl.h>.
NEW_MOUNTS, NEW_UTS, NEW_IPC, NEW_NETWORK = 0x00020000, 0x04000000, 0x08000000, 0x40000000
READ_ONLY, NO_SETUID, NO_DEVICES, NO_PROGRAMS = 1, 2, 4, 8
REMOUNT, BIND, RECURSIVE, PRIVATE = 32, 4096, 16384, 1 << 18
DEATH_SIGNAL, NO_NEW_PRIVILEGES = 1, 38

LIBC = ctypes.CDLL(None, use_errno=True)


def main(order: dict[str, object]) -> None:
    """Mount the tree, give up root, run the program.

    Args:
        order: `parent`, `root`, `model` (or null), `network`, `user`, `group`, `folder`, `command`,
            `environment`.
    """
    own_network = 0 if order["network"] else NEW_NETWORK
    _check(LIBC.unshare(NEW_MOUNTS | NEW_UTS | NEW_IPC | own_network))
    root = Path(str(order["root"]))
    _mount_all(root, order["model"])
    os.chroot(root)
    os.chdir(str(order["folder"]))
    os.umask(0o022)
    os.setgroups([])
    os.setresgid(*[int(str(order["group"]))] * 3)
    os.setresuid(*[int(str(order["user"]))] * 3)
    _check(LIBC.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    # A change of user clears it, so it comes after; a parent that has ended by now is noticed.
    _check(LIBC.prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0))
    if os.getppid() != order["parent"]:
        sys.exit("The starter has ended already.")
    command, environment = order["command"], order["environment"]
    os.execvpe(command[0], command, environment)  # type: ignore[index,arg-type] # noqa: S606


def _mount_all(root: Path, model: object) -> None:
    _mount(None, Path("/"), RECURSIVE | PRIVATE)
    _bind(root, root, NO_SETUID | NO_DEVICES)
    _mount(
        "tmpfs", root / "tmp", NO_SETUID | NO_DEVICES | NO_PROGRAMS, options="mode=1777,size=64m"
    )
    _mount("tmpfs", root / "dev", NO_SETUID | NO_PROGRAMS, options="mode=755,size=64k")
    for name in DEVICES:
        (root / "dev" / name).touch()
        _mount(str(Path("/dev", name)), root / "dev" / name, BIND)
    if model is not None:
        _bind(Path(str(model)), root / MODEL, NO_SETUID | NO_DEVICES | NO_PROGRAMS)


def _bind(source: Path, target: Path, flags: int) -> None:
    """Mount a folder read-only at another path."""
    _mount(str(source), target, BIND)
    _mount(None, target, REMOUNT | BIND | READ_ONLY | flags)


def _mount(source: str | None, target: Path, flags: int, *, options: str = "") -> None:
    kind = b"tmpfs" if source == "tmpfs" else None
    what = None if source is None else source.encode()
    _check(
        LIBC.mount(what, str(target).encode(), kind, ctypes.c_ulong(flags), options.encode()),
        str(target),
    )


def _check(result: int, name: str | None = None) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


if __name__ == "__main__":
    main(json.loads(os.environ[VARIABLE]))
