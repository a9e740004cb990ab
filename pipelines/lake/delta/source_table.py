"""Reads the log of a Delta table of someone else: its files, and what each commit changed.

Only the log is read here, and no row. The files of a commit are read in the order of the log, so
that a source that is read every night says the same as one that is read once a week.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from feature_jobs.io import read_bytes, resolve
from pipelines.lake.delta.opening import storage_options
from pipelines.lake.log_entries import entry_name

CHANGE_FEED = "delta.enableChangeDataFeed"
_READABLE = {
    "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", "typeWidening", "typeWidening-preview",
    "deletionVectors", "variantType", "inCommitTimestamp",
}  # fmt: skip

Content = Literal["rows", "changes", "deleted rows"]


class UnreadableTableError(ValueError):
    """A table that cannot be read, with the remedy."""


class GapError(ValueError):
    """Changes that cannot be read one by one any more, with the reason."""


@dataclass(frozen=True, slots=True)
class TablePart:
    """A file of a table.

    Attributes:
        address: as `feature_jobs.io.resolve` takes it.
        values: of the columns that the table is partitioned by.
        content: rows that the table has; changes, each with its type in `_change_type`; or rows
            that it has no more.
        size: in bytes.
    """

    address: str
    values: Mapping[str, str | None]
    content: Content
    size: int


@dataclass(frozen=True, slots=True)
class TableState:
    """A version of a table as it was opened.

    Attributes:
        address: of its folder.
        id: that it was created with.
        version: the latest.
        schema: its columns.
        has_change_feed: whether its commits say which rows they delete.
        digest: of the log entry of the version; empty where the log has none any more.
        delta: the opened table.
    """

    address: str
    id: str
    version: int
    schema: pa.Schema
    has_change_feed: bool
    digest: str
    delta: DeltaTable


@dataclass(frozen=True, slots=True)
class TableCommit:
    """What one commit did to the rows, or all rows of a version.

    Attributes:
        version: that it made.
        at: when.
        parts: the files to read; none where it changed no row.
        is_whole: whether these are all rows of the table.
    """

    version: int
    at: datetime
    parts: tuple[TablePart, ...]
    is_whole: bool = False


def is_delta_table(address: str) -> bool:
    """Return True for the folder of a Delta table."""
    return DeltaTable.is_deltatable(address, storage_options())


def open_state(address: str) -> TableState:
    """Open the latest version of a table.

    Raises:
        UnreadableTableError: when there is none, its log is damaged, or it needs more than can be
            read.
    """
    if not is_delta_table(address):
        raise UnreadableTableError("there is no Delta table; correct the address, or the format")
    try:
        delta = DeltaTable(address, storage_options=storage_options())
    except DeltaError as error:
        reason = str(error).splitlines()[0]
        raise UnreadableTableError(f"its log cannot be read: {reason}; repair the table") from error
    about, needs = delta.metadata(), delta.protocol()
    unknown = {*(needs.reader_features or ())} - _READABLE - {"columnMapping"}
    if unknown:
        raise UnreadableTableError(
            f"it has the feature {', '.join(sorted(unknown))}, which cannot be read; drop the "
            "feature from the table, or deliver a copy as Parquet"
        )
    if about.configuration.get("delta.columnMapping.mode", "none") != "none":
        raise UnreadableTableError(
            "its columns are mapped (delta.columnMapping.mode), which cannot be read; set the mode "
            "to none with REORG and ALTER TABLE, or deliver a copy"
        )
    version = delta.version()
    return TableState(
        address, str(about.id), version, pa.schema(delta.schema().to_arrow()),
        about.configuration.get(CHANGE_FEED, "").lower() == "true",
        entry_digest(address, version), delta,
    )  # fmt: skip


def whole_commit(state: TableState) -> TableCommit:
    """List all files of the opened version.

    Raises:
        UnreadableTableError: when rows of a file are deleted by a vector.
    """
    columns = list(state.delta.metadata().partition_columns)
    actions = pa.table(state.delta.get_add_actions(flatten=True))
    _refuse_vectors(state.delta)
    parts = [
        TablePart(
            _address(state.address, unquote(row["path"])),
            {name: _text(row.get(f"partition.{name}")) for name in columns},
            "rows",
            row["size_bytes"],
        )
        for row in sorted(actions.to_pylist(), key=lambda row: str(row["path"]))
    ]
    entry = _read_entry(state.address, state.version)
    at = None if entry is None else _commit_time(entry)
    if at is None:
        latest = max(actions["modification_time"].to_pylist(), default=0)
        at = datetime.fromtimestamp(latest / 1000, UTC)
    return TableCommit(state.version, at, tuple(parts), is_whole=True)


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
        entry = _read_entry(state.address, number)
        if entry is None:
            raise GapError(f"the log has no entry of version {number} any more")
        parts = tuple(_changed_parts(state.address, entry, has_change_feed=feeds(number)))
        # A writer whose clock is behind does not commit before the commit that it follows.
        latest = max(_commit_time(entry) or latest, latest)
        commits.append(TableCommit(number, latest, parts))
    missing = _missing([part for commit in commits for part in commit.parts])
    if missing:
        raise GapError(f"{missing} is gone, as after a VACUUM")
    return commits


def entry_digest(address: str, version: int) -> str:
    """Compute the SHA-256 of a log entry; empty where the log has none any more."""
    try:
        return hashlib.sha256(
            read_bytes(f"{address.rstrip('/')}/{entry_name(version)}")
        ).hexdigest()
    except FileNotFoundError:
        return ""


_VECTORS = (
    "it has deletion vectors, which cannot be read; write them into the files with REORG TABLE … "
    "APPLY (PURGE), and set delta.enableDeletionVectors to false"
)


def _refuse_vectors(delta: DeltaTable) -> None:
    if "deletionVectors" not in (delta.protocol().reader_features or ()):
        return
    try:
        has_vectors = pa.table(delta.deletion_vectors()).num_rows > 0
    except DeltaError as error:  # it has one that delta-rs cannot read either
        raise UnreadableTableError(_VECTORS) from error
    if has_vectors:
        raise UnreadableTableError(_VECTORS)


def _feeds(state: TableState, since: int) -> Callable[[int], bool]:
    """Return a function that says whether a version has a change feed."""
    turned: dict[int, bool] = {}
    for number in range(since + 1, state.version + 1):
        for action in _read_entry(state.address, number) or ():
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
                raise UnreadableTableError(_VECTORS)
            yield _part(address, added, "rows")
        if has_change_feed and removed is not None and removed.get("dataChange", True):
            if removed.get("deletionVector"):
                raise UnreadableTableError(_VECTORS)
            yield _part(address, removed, "deleted rows")


def _part(address: str, action: Mapping[str, Any], content: Content) -> TablePart:
    values = action.get("partitionValues") or {}
    path, size = unquote(action["path"]), int(action.get("size") or 0)
    return TablePart(_address(address, path), values, content, size)


def _address(folder: str, path: str) -> str:
    return path if "://" in path or path.startswith("/") else f"{folder.rstrip('/')}/{path}"


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _read_entry(address: str, version: int) -> list[dict[str, Any]] | None:
    """Read the actions of a log entry; None where the log has none any more."""
    name = entry_name(version)
    try:
        content = read_bytes(f"{address.rstrip('/')}/{name}").decode()
        return [json.loads(line) for line in content.splitlines() if line.strip()]
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UnreadableTableError(f"{name} is damaged: {error}; repair the table") from error


def _commit_time(entry: Sequence[dict[str, Any]]) -> datetime | None:
    for action in entry:
        about = action.get("commitInfo") or {}
        milliseconds = about.get("inCommitTimestamp") or about.get("timestamp")
        if milliseconds is not None:
            return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    return None


def _missing(parts: Sequence[TablePart]) -> str | None:
    """Return the name of a file that is not there; None when all are."""
    if not parts:
        return None
    filesystem, _ = resolve(parts[0].address)
    found = filesystem.get_file_info([resolve(part.address)[1] for part in parts])
    gone = (each.base_name for each in found if not each.is_file)
    return next(gone, None)
