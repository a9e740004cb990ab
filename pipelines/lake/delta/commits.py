"""The actions of a commit to a Delta table; `pipelines.lake.tables` decides what is committed."""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pyarrow as pa
from deltalake import DeltaTable, Schema
from deltalake.transaction import (
    AddAction,
    CommitProperties,
    PostCommitHookProperties,
    RemoveAction,
)

from expectations.contract import EVENT_DAY, KNOWN_TIME
from feature_jobs.io import DataFile
from pipelines.lake.log_entries import ACTIONS, digest_actions

# Else delta-rs deletes log entries at every hundredth commit, see `opening`.
KEEP_LOG = PostCommitHookProperties(cleanup_expired_logs=False)


def replace_parts(
    delta: DeltaTable,
    current: Sequence[DataFile],
    parts: Sequence[DataFile],
    *,
    schema: pa.Schema,
    notes: Mapping[str, str],
) -> None:
    """Commit that some parts are replaced by others.

    Args:
        delta: the table, at the version of the current parts.
        current: the parts to replace; those that are in `parts` too are kept.
        parts: the parts in their place.
        schema: of the table.
        notes: stored with the version.

    Raises:
        DeltaError: when another writer removed the same parts.
    """
    names, kept = {part.path for part in current}, {part.path for part in parts}
    actions: list[AddAction | RemoveAction] = [_add(p) for p in parts if p.path not in names]
    actions += [_remove(part) for part in current if part.path not in kept]
    delta.create_write_transaction(
        actions, "append", schema, partition_by=_partition(delta),
        commit_properties=_describe(notes, added=kept - names, removed=names - kept),
        post_commithook_properties=KEEP_LOG,
    )  # fmt: skip


def replace_table(
    delta: DeltaTable,
    current: Sequence[DataFile],
    parts: Sequence[DataFile],
    *,
    schema: pa.Schema,
    notes: Mapping[str, str],
) -> None:
    """Commit that a table has other columns and only these parts.

    Args:
        delta: the table.
        current: all of its parts; delta-rs removes them.
        parts: the new parts.
        schema: the new columns.
        notes: stored with the version.

    Raises:
        DeltaError: when another writer came first.
    """
    added, removed = {part.path for part in parts}, {part.path for part in current}
    delta.create_write_transaction(
        [_add(part) for part in parts], "overwrite", schema, partition_by=_partition(delta),
        commit_properties=_describe(notes, added=added, removed=removed),
        post_commithook_properties=KEEP_LOG,
    )  # fmt: skip


def add_parts_first(delta: DeltaTable, parts: Sequence[DataFile], *, schema: pa.Schema) -> None:
    """Commit further parts, unless another writer committed since the opened version.

    Raises:
        DeltaError: when another writer did.
    """
    delta.create_write_transaction(
        [_add(part) for part in parts], "append", schema, partition_by=_partition(delta),
        commit_properties=_describe(
            {}, added={part.path for part in parts}, removed=set(), retries=0
        ),
        post_commithook_properties=KEEP_LOG,
    )  # fmt: skip


def _describe(
    notes: Mapping[str, str], *, added: set[str], removed: set[str], retries: int | None = None
) -> CommitProperties:
    """Build the properties of a commit: the notes, and a digest that reveals a truncated entry."""
    noted = {**notes, ACTIONS: digest_actions(added, removed)}
    return CommitProperties(custom_metadata=noted, max_commit_retries=retries)


def add_fields(delta: DeltaTable, fields: pa.Schema) -> None:
    """Commit further columns, unless another writer committed since the opened version.

    Raises:
        DeltaError: when another writer did.
    """
    delta.alter.add_columns(
        list(Schema.from_arrow(fields).fields),
        commit_properties=CommitProperties(max_commit_retries=0),
        post_commithook_properties=KEEP_LOG,
    )


def _partition(delta: DeltaTable) -> list[str]:
    return list(delta.metadata().partition_columns)


def _add(part: DataFile) -> AddAction:
    """Build the action that adds a part."""
    modified = int(time.time() * 1000)
    return AddAction(
        part.path, part.size_bytes, _values(part), modified, data_change=True, stats=_stats(part)
    )


def _values(part: DataFile) -> dict[str, str | None]:
    return {EVENT_DAY: part.day} if part.day else {}


def _stats(part: DataFile) -> str:
    """Encode what the log says of a part's rows: their number and their known times."""
    stats: dict[str, object] = {"numRecords": part.rows}
    if part.known_from is not None and part.known_until is not None:
        stats["minValues"] = {KNOWN_TIME: _spell(part.known_from)}
        stats["maxValues"] = {KNOWN_TIME: _spell(part.known_until)}
    return json.dumps(stats)


def _spell(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _remove(part: DataFile) -> RemoveAction:
    """Build the action that removes a part."""
    return RemoveAction(
        part.path,
        data_change=True,
        deletion_timestamp=int(time.time() * 1000),
        size=part.size_bytes,
        partition_values=_values(part),
    )
