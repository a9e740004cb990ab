"""What of a folder others than its user may read, write or enter."""

import stat
from collections.abc import Iterator
from pathlib import Path


def wide(folder: Path) -> Iterator[str]:
    """Everything in a folder, and it itself, that others have any right to: mode and path."""
    for path in (folder, *folder.rglob("*")):
        found = path.lstat()
        if not stat.S_ISLNK(found.st_mode) and found.st_mode & 0o077:
            yield f"{stat.filemode(found.st_mode)} {path.relative_to(folder)}"
