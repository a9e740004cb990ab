"""SQLite files of services: created atomically, with a busy timeout for locks.

Libraries make their tables in many transactions. A process that is killed meanwhile leaves a file
that they neither complete nor read, so the file is made aside and renamed when it is complete.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from infra.processes import only_one

# As long as a server that does not answer is waited for (MLflow: 4 attempts more in half a minute).
PATIENCE_SECONDS = 30

_SCHEMES = ("sqlite:///", "sqlite+pysqlite:///")


def find_path(url: str) -> Path | None:
    """Return the file of a SQLite URL; None for another database, or one in memory.

    >>> find_path("sqlite:////var/lib/overnight/mlflow.db?timeout=30")
    PosixPath('/var/lib/overnight/mlflow.db')
    >>> find_path("postgresql://db/mlflow") is None
    True
    """
    for scheme in _SCHEMES:
        if url.startswith(scheme):
            path = unquote(url.removeprefix(scheme).partition("?")[0])
            return Path(path) if path and path != ":memory:" else None
    return None


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file; SQLAlchemy decodes it.

    >>> sqlite_url(Path("/var/a%20b?/mlflow.db"))
    'sqlite:////var/a%2520b%3F/mlflow.db'
    """
    return f"{_SCHEMES[0]}{str(path).replace('%', '%25').replace('?', '%3F')}"


def with_patience(url: str) -> str:
    """Return a SQLite URL with a busy timeout; a URL that has one, or of another database, stays.

    >>> with_patience("sqlite:////home/o/mlflow.db")
    'sqlite:////home/o/mlflow.db?timeout=30'
    >>> with_patience("postgresql://db/mlflow")
    'postgresql://db/mlflow'
    """
    if find_path(url) is None or "timeout=" in url.partition("?")[2]:
        return url
    return f"{url}{'&' if '?' in url else '?'}timeout={PATIENCE_SECONDS}"


def make_whole(url: str, make: Callable[[str], None]) -> bool:
    """Create the SQLite file of a URL if there is none; other databases are left to operators.

    Args:
        url: of the database.
        make: gets the URL of an empty place, makes the tables there and closes it.

    Returns:
        True if this call made it.
    """
    path = find_path(url)
    if path is None or path.exists():
        return False
    with only_one(path.with_name(f"{path.name}.lock"), doing=f"the making of {path.name}"):
        if path.exists():
            return False
        aside = path.with_name(f"{path.name}.making")
        shutil.rmtree(aside, ignore_errors=True)  # of a process that was killed
        aside.mkdir(mode=0o700)
        made = aside / path.name
        make(sqlite_url(made))
        made.chmod(0o600)
        _sync(made)
        made.replace(path)
        _sync(path.parent)
        shutil.rmtree(aside)
        return True


def _sync(path: Path) -> None:
    """Sync a file to the disk, so that a file that exists is complete."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
