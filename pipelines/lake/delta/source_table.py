"""A Delta table of someone else: its latest version with all of its files.

Only the log is read here, and no row.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyarrow import fs

from feature_jobs.io import resolve
from pipelines.lake.delta.opening import storage_options
from pipelines.lake.delta.source_entries import (
    VECTORS,
    TableCommit,
    TablePart,
    UnreadableTableError,
    commit_time,
    entry_digest,
    part_address,
    read_actions,
)
from pipelines.lake.log_entries import LOG

CHANGE_FEED = "delta.enableChangeDataFeed"
_READABLE = {
    "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", "typeWidening", "typeWidening-preview",
    "deletionVectors", "variantType", "inCommitTimestamp",
}  # fmt: skip


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


def is_delta_table(address: str) -> bool:
    """Return True for the folder of a Delta table."""
    filesystem, path = resolve(address.rstrip("/"))
    return bool(filesystem.get_file_info(f"{path}/{LOG}").type == fs.FileType.Directory)


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
            part_address(state.address, unquote(row["path"])),
            {name: _text(row.get(f"partition.{name}")) for name in columns},
            "rows",
            row["size_bytes"],
        )
        for row in sorted(actions.to_pylist(), key=lambda row: str(row["path"]))
    ]
    entry = read_actions(state.address, state.version)
    at = None if entry is None else commit_time(entry)
    if at is None:
        latest = max(actions["modification_time"].to_pylist(), default=0)
        at = datetime.fromtimestamp(latest / 1000, UTC)
    return TableCommit(state.version, at, tuple(parts), is_whole=True)


def _refuse_vectors(delta: DeltaTable) -> None:
    if "deletionVectors" not in (delta.protocol().reader_features or ()):
        return
    try:
        has_vectors = pa.table(delta.deletion_vectors()).num_rows > 0
    except DeltaError as error:  # it has one that delta-rs cannot read either
        raise UnreadableTableError(VECTORS) from error
    if has_vectors:
        raise UnreadableTableError(VECTORS)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
