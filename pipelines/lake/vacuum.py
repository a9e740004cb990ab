"""Removal of orphan files: files of a table that no version names.

Parts are written before the commit that names them, so a kill in between leaves them behind. A
rerun with the same rows names them; with other rows they stay orphans.
"""

import contextlib
import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from pyarrow import fs

from feature_jobs.io import resolve
from pipelines.lake.damage import DamagedError
from pipelines.lake.log_entries import list_log, read_entry
from pipelines.lake.reading import AT_ONCE
from pipelines.lake.tables import Lake

# Longer than any step runs: a younger file may be about to be committed.
PATIENCE = timedelta(days=2)
# Parts of the first of two passes, and rows of a delivery that Spark's workers share.
PASSING = re.compile(r"\.(earlier|delivery)-[^/]+")
# An answer names parts, so it is deleted before them.
ANSWERS = ".jobs/"
LEFT = re.compile(
    rf"\.jobs/.+|(event_day=[^/]+/)?part-[^/]+\.(parquet|partial)|{PASSING.pattern}/.+|_delta_log/[^/]+(\.tmp|#\d+)"
    r"|_ids/[^/]+\.partial"
)

log = logging.getLogger(__name__)


def vacuum_tables(lake: Lake, *, now: datetime | None = None) -> int:
    """Delete files older than two days that no version of any table names; return their number.

    Orphan files only take space, so a store that refuses to delete them is logged, and is no error.

    Args:
        lake: of a spec.
        now: the time that the age of a file is measured to; None: the clock's.
    """
    before = (now or datetime.now(UTC)) - PATIENCE
    filesystem, root = resolve(lake.root)
    deleted = 0
    # Only listed: a role may have no right on the key of the folder itself.
    for table in filesystem.get_file_info(fs.FileSelector(root, allow_not_found=True)):
        at = lake.latest(table.base_name)
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
                # The files that the entry named are unknown, so none is deleted.
                log.warning("Deleted nothing in %s: an entry of its log %s", table.path, error)
                continue
        nameless = sorted(left, key=lambda name: not name.startswith(ANSWERS))
        # An object store has no folders, and so no age of one.
        folders = [
            each for each in found
            if PASSING.fullmatch(each.base_name) and each.mtime is not None and each.mtime < before
        ]  # fmt: skip
        try:
            for name in nameless:
                with contextlib.suppress(FileNotFoundError):  # another vacuum deleted it
                    filesystem.delete_file(names[name])
                    deleted += 1
            for each in folders:
                filesystem.delete_dir(each.path)
        except OSError as error:
            log.warning(
                "%d orphan files in %s were not deleted: %s", len(nameless), table.path, error
            )
    if deleted:
        log.info("Deleted %d orphan files from %s", deleted, lake.root)
    return deleted


def _named(folder: str) -> Iterator[str]:
    """List every part that some commit names, replaced ones included."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        entries = list(threads.map(lambda v: read_entry(folder, v), list_log(folder)[0]))
    for entry in entries:
        yield from entry.removed
        yield from (part.path for part in entry.added)
