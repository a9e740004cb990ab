"""One Delta table of delta-rs: made, opened, and the actions of its commits.

What every table of the lake has in common stands here; `pipelines.lake` says what is committed.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence

import pyarrow as pa
from deltalake import DeltaTable, Schema
from deltalake.transaction import (
    AddAction,
    CommitProperties,
    PostCommitHookProperties,
    RemoveAction,
)

from expectations.contract import EVENT_DAY
from pipelines.parts import Part

# By default delta-rs deletes the log of what is older than 30 days, at every hundredth commit; a
# training set of that age could not be rebuilt. The property says the same to other writers.
KEEP_LOG = PostCommitHookProperties(cleanup_expired_logs=False)
KEPT_LOG = {"delta.enableExpiredLogCleanup": "false"}


def create_table(folder: str, schema: pa.Schema) -> DeltaTable:
    """A table without rows, unless there is one."""
    return DeltaTable.create(
        folder,
        schema=schema,
        mode="ignore",
        partition_by=[EVENT_DAY],
        configuration=KEPT_LOG,
        storage_options=_storage_options(),
    )


def find_table(folder: str) -> DeltaTable | None:
    """The table in a folder, at its newest version; None when there is none."""
    return open_held(folder) if DeltaTable.is_deltatable(folder, _storage_options()) else None


def open_held(folder: str, *, version: int | None = None) -> DeltaTable:
    """A table that is known to be there; None for `version` means the newest."""
    return DeltaTable(folder, version=version, storage_options=_storage_options())


def _storage_options() -> dict[str, str]:
    """What delta-rs asks for beside AWS's own variables: that an endpoint may be without TLS."""
    plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    return {"allow_http": "true"} if plain else {}


def replace_parts(
    delta: DeltaTable,
    held: Sequence[Part],
    parts: Sequence[Part],
    *,
    schema: pa.Schema,
    notes: Mapping[str, str],
) -> None:
    """Commit that of some parts only these are left, and those of them that are new.

    Args:
        delta: the table, at the version that the parts are held by.
        held: the parts that may be taken out.
        parts: what is there afterwards in their place.
        schema: the table's.
        notes: beside the version.

    Raises:
        DeltaError: when it cannot be, as another writer took out the same parts.
    """
    names, kept = {part.path for part in held}, {part.path for part in parts}
    actions: list[AddAction | RemoveAction] = [_add(p) for p in parts if p.path not in names]
    actions += [_remove(part) for part in held if part.path not in kept]
    delta.create_write_transaction(
        actions, "append", schema, partition_by=[EVENT_DAY],
        commit_properties=CommitProperties(custom_metadata=dict(notes)),
        post_commithook_properties=KEEP_LOG,
    )  # fmt: skip


def replace_table(
    delta: DeltaTable, parts: Sequence[Part], *, schema: pa.Schema, notes: Mapping[str, str]
) -> None:
    """Commit that a table has other columns and no other parts; `notes` stand beside the version.

    Raises:
        DeltaError: when it cannot be, as another writer came first.
    """
    delta.create_write_transaction(
        [_add(part) for part in parts], "overwrite", schema, partition_by=[EVENT_DAY],
        commit_properties=CommitProperties(custom_metadata=dict(notes)),
        post_commithook_properties=KEEP_LOG,
    )  # fmt: skip


def add_parts_first(delta: DeltaTable, parts: Sequence[Part], *, schema: pa.Schema) -> None:
    """Commit further parts, unless anybody committed anything since the version at hand.

    Raises:
        DeltaError: when somebody did.
    """
    delta.create_write_transaction(
        [_add(part) for part in parts], "append", schema, partition_by=[EVENT_DAY],
        commit_properties=CommitProperties(max_commit_retries=0),
        post_commithook_properties=KEEP_LOG,
    )  # fmt: skip


def add_fields(delta: DeltaTable, fields: pa.Schema) -> None:
    """Commit that a table has further columns, unless anybody committed since the version at hand.

    Raises:
        DeltaError: when somebody did.
    """
    delta.alter.add_columns(
        list(Schema.from_arrow(fields).fields),
        commit_properties=CommitProperties(max_commit_retries=0),
        post_commithook_properties=KEEP_LOG,
    )


def _add(part: Part) -> AddAction:
    """The action that puts a part into a version."""
    stats = json.dumps({"numRecords": part.rows})
    modified = int(time.time() * 1000)
    return AddAction(
        part.path, part.size_bytes, {EVENT_DAY: part.day}, modified, data_change=True, stats=stats
    )


def _remove(part: Part) -> RemoveAction:
    """The action that takes a part out of it."""
    return RemoveAction(
        part.path,
        data_change=True,
        deletion_timestamp=int(time.time() * 1000),
        size=part.size_bytes,
        partition_values={EVENT_DAY: part.day},
    )
