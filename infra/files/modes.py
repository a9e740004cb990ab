"""File modes of an installation: 0600, folders 0700, whatever the umask.

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
    """Set the umask of this process and its children, so that other users can read no new file."""
    os.umask(os.umask(OTHERS) | OTHERS)


def make_private(folder: Path) -> None:
    """Make a private folder; one that an earlier version left readable for others is narrowed.

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
    """Remove the rights of other users from a file or folder; links stay as they are."""
    with contextlib.suppress(FileNotFoundError):  # made aside, and renamed by now
        found = path.lstat()
        mode = stat.S_IMODE(found.st_mode)
        is_ours = found.st_uid == os.getuid() and not stat.S_ISLNK(found.st_mode)
        if is_ours and mode & OTHERS and not mode & stat.S_ISVTX:
            path.chmod(mode & ~OTHERS)


def share(path: Path) -> None:
    """Give a file that people share the mode of the user's own umask."""
    path.chmod(0o666 & ~_at_start)
