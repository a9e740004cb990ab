"""Removes what killed processes left in the lake: files that no version of a table names.

Parts are written before the commit that names them, so a kill in between leaves them behind. A
rerun with the same rows names them; with others, nobody ever would.
"""

import contextlib
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pyarrow import fs

from feature_jobs.io import resolve
from pipelines.lake.damage import DamagedError
from pipelines.lake.log_entries import list_log, read_entry
from pipelines.lake.tables import Lake

# Longer than any step runs: what is younger may be about to be committed.
PATIENCE = timedelta(days=2)
EARLIER = re.compile(r"\.earlier-[^/]+")  # parts of the first of two passes
# An answer names parts, which may be gone: it goes first.
ANSWERS = ".jobs/"
LEFT = re.compile(
    rf"\.jobs/.+|event_day=[^/]+/part-[^/]+\.(parquet|partial)|{EARLIER.pattern}/.+|_delta_log/[^/]+(\.tmp|#\d+)"
)

log = logging.getLogger(__name__)


def sweep(lake: Lake, *, now: datetime | None = None) -> int:
    """Remove files older than two days that no version of any table names; how many.

    They take room and do no other harm, so a store that lets nothing be deleted is told of in the
    log, and ends nothing.

    Args:
        lake: of a spec.
        now: the time by which files are old; None: the clock's.
    """
    before = (now or datetime.now(UTC)) - PATIENCE
    filesystem, root = resolve(lake.root)
    swept = 0
    # Only listed: a role may have no right on a key that is named as the folder.
    for table in filesystem.get_file_info(fs.FileSelector(root, allow_not_found=True)):
        at = lake.newest(table.base_name)
        if at is None:
            continue
        found = filesystem.get_file_info(fs.FileSelector(table.path, recursive=True))
        old = [each for each in found if each.is_file and each.mtime < before]
        names = {each.path.removeprefix(f"{table.path}/"): each.path for each in old}
        left = {name for name in names if LEFT.fullmatch(name)}
        left.difference_update(part.path for part in lake.parts(at))
        if left:  # else no commit needs to be read
            try:
                left.difference_update(_named(lake.folder(table.base_name)))
            except DamagedError as error:
                # Which files an entry named is not known any more, so none is removed.
                log.warning("Nothing in %s was swept: an entry of its log %s", table.path, error)
                continue
        nameless = sorted(left, key=lambda name: not name.startswith(ANSWERS))
        # A store has no folders, so no age of one.
        folders = [
            each for each in found
            if EARLIER.fullmatch(each.base_name) and each.mtime is not None and each.mtime < before
        ]  # fmt: skip
        try:
            for name in nameless:
                with contextlib.suppress(FileNotFoundError):  # another sweep was here
                    filesystem.delete_file(names[name])
                    swept += 1
            for each in folders:
                filesystem.delete_dir(each.path)
        except OSError as error:
            log.warning("%d files in %s were not swept: %s", len(nameless), table.path, error)
    if swept:
        log.info("Swept %d files from %s that no version names", swept, lake.root)
    return swept


def _named(folder: str) -> Iterator[str]:
    """Every part that some commit names, replaced ones included."""
    for version in list_log(folder)[0]:
        entry = read_entry(folder, version)
        yield from entry.removed
        yield from (part.path for part in entry.added)
