"""Modes of an installation's files, its user's alone: 0600, folders 0700, whatever the umask.

Tables, studies and logs hold what customers did; databases hold hashes of passwords, and Airflow's
folder holds passwords. The umask reaches what libraries make, too, and every process started here.
"""

import contextlib
import os
import stat
from pathlib import Path

OTHERS = 0o077

# What an installation's folder holds; another folder that OVERNIGHT_HOME names is left as it is.
OWN = (
    "airflow", "airflow.db", "data_docs", "demo", "lake", "locks", "logs", "mlflow.db",
    "mlflow-users.db", "mlruns", "sagemaker", "scratch", "studies.db",
)  # fmt: skip

_at_start = os.umask(OTHERS)
os.umask(_at_start)


def close_umask() -> None:
    """Let this process, and those that it starts, make nothing that others may read."""
    os.umask(os.umask(OTHERS) | OTHERS)


def make_private(folder: Path) -> None:
    """Make a folder; one of an earlier version, whose content is ours, is closed to others.

    Nothing below a closed folder can be reached, so what it holds is closed one level deep only:
    tables may be of 100,000 files.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = {path.name for path in folder.iterdir()}
    if names and not names & set(OWN):
        return
    narrow(folder)
    for name in names & set(OWN):
        narrow(folder / name)


def narrow(path: Path) -> None:
    """Take the rights of others from a file or folder of this user; a link is left alone."""
    with contextlib.suppress(FileNotFoundError):  # made aside, and renamed by now
        found = path.lstat()
        mode = stat.S_IMODE(found.st_mode)
        is_ours = found.st_uid == os.getuid() and not stat.S_ISLNK(found.st_mode)
        if is_ours and mode & OTHERS and not mode & stat.S_ISVTX:
            path.chmod(mode & ~OTHERS)


def share(path: Path) -> None:
    """Give a file that is meant for people the mode that the user's own umask would give it."""
    path.chmod(0o666 & ~_at_start)
