"""The commits to a Delta table of someone else since a version that was read.

The files of a commit are read in the order of the log, so that a source that is read every night
says the same as one that is read once a week.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from feature_jobs.io import resolve
from pipelines.lake.delta.opening import storage_options
from pipelines.lake.delta.source_entries import (
    VECTORS,
    Content,
    GapError,
    TableCommit,
    TablePart,
    UnreadableTableError,
    commit_time,
    entry_digest,
    part_address,
    read_actions,
)
from pipelines.lake.delta.source_table import CHANGE_FEED, TableState


def commits_since(state: TableState, version: int, *, digest: str) -> list[TableCommit]:
    """List the commits after a version that was read.

    Args:
        state: the opened table.
        version: that was read.
        digest: of its log entry then; empty where there was none.

    Raises:
        GapError: when the table was rolled back, or the log or files of a commit are gone.
        UnreadableTableError: when rows of a file are deleted by a vector.
    """
    if version > state.version:
        raise GapError(f"the table was rolled back from version {version} to {state.version}")
    found = entry_digest(state.address, version)
    if digest and found and found != digest:
        raise GapError(f"version {version} is another one than the one that was read")
    commits, latest = [], datetime.fromtimestamp(0, UTC)
    feeds = _feeds(state, version)
    for number in range(version + 1, state.version + 1):
        entry = read_actions(state.address, number)
        if entry is None:
            raise GapError(f"the log has no entry of version {number} any more")
        parts = tuple(_changed_parts(state.address, entry, has_change_feed=feeds(number)))
        # A writer whose clock is behind does not commit before the commit that it follows.
        latest = max(commit_time(entry) or latest, latest)
        commits.append(TableCommit(number, latest, parts))
    missing = _missing([part for commit in commits for part in commit.parts])
    if missing:
        raise GapError(f"{missing} is gone, as after a VACUUM")
    return commits


def _feeds(state: TableState, since: int) -> Callable[[int], bool]:
    """Return a function that says whether a version has a change feed."""
    turned: dict[int, bool] = {}
    for number in range(since + 1, state.version + 1):
        for action in read_actions(state.address, number) or ():
            if "metaData" in action:
                given = action["metaData"].get("configuration") or {}
                turned[number] = str(given.get(CHANGE_FEED, "")).lower() == "true"
    if turned and (first := min(turned)) > since + 1:
        try:
            before = DeltaTable(
                state.address, version=first - 1, storage_options=storage_options()
            ).metadata()
            turned[since] = before.configuration.get(CHANGE_FEED, "").lower() == "true"
        except DeltaError:
            turned[since] = False

    def has_change_feed(version: int) -> bool:
        known = [number for number in turned if number <= version]
        return turned[max(known)] if known else state.has_change_feed

    return has_change_feed


def _changed_parts(
    address: str, entry: Sequence[dict[str, Any]], *, has_change_feed: bool
) -> Iterator[TablePart]:
    """List what to read of a commit: its changes if it has some, else its files with new rows."""
    changes = [action["cdc"] for action in entry if "cdc" in action]
    if has_change_feed and changes:
        yield from (_part(address, each, "changes") for each in changes)
        return
    for action in entry:
        added, removed = action.get("add"), action.get("remove")
        if added is not None and added.get("dataChange", True):
            if added.get("deletionVector"):
                raise UnreadableTableError(VECTORS)
            yield _part(address, added, "rows")
        if has_change_feed and removed is not None and removed.get("dataChange", True):
            if removed.get("deletionVector"):
                raise UnreadableTableError(VECTORS)
            yield _part(address, removed, "deleted rows")


def _part(address: str, action: Mapping[str, Any], content: Content) -> TablePart:
    values = action.get("partitionValues") or {}
    path, size = unquote(action["path"]), int(action.get("size") or 0)
    return TablePart(part_address(address, path), values, content, size)


def _missing(parts: Sequence[TablePart]) -> str | None:
    """Return the name of a file that is not there; None when all are."""
    if not parts:
        return None
    filesystem, _ = resolve(parts[0].address)
    found = filesystem.get_file_info([resolve(part.address)[1] for part in parts])
    gone = (each.base_name for each in found if not each.is_file)
    return next(gone, None)
