"""Access to one Delta table through delta-rs: creating, opening, and the actions of a commit.

`pipelines.lake.tables` decides what is committed.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, Schema
from deltalake.exceptions import DeltaError
from deltalake.transaction import (
    AddAction,
    CommitProperties,
    PostCommitHookProperties,
    RemoveAction,
)

from expectations.contract import EVENT_DAY, OvernightError
from feature_jobs.io import DataFile
from infra.files import link_decoded
from pipelines.lake.damage import DamagedError, remedy_for_log
from pipelines.lake.log_entries import ACTIONS, digest_actions, entry_name, find_faults, read_entry

# By default delta-rs deletes log entries older than 30 days, at every hundredth commit; a training
# set of that age could not be rebuilt. The property has the same effect on other writers.
KEEP_LOG = PostCommitHookProperties(cleanup_expired_logs=False)
KEPT_LOG = {"delta.enableExpiredLogCleanup": "false"}


class ChangedSinceError(OvernightError):
    """Another writer committed to a table first."""


def create_table(folder: str, schema: pa.Schema) -> DeltaTable:
    """Create a table without rows, unless it exists."""
    if "://" not in folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    link_decoded(folder)
    return DeltaTable.create(
        folder,
        schema=schema,
        mode="ignore",
        partition_by=[EVENT_DAY],
        configuration=KEPT_LOG,
        storage_options=_storage_options(),
    )


def find_table(folder: str) -> DeltaTable | None:
    """Open the table in a folder at its latest version; None when there is none.

    Raises:
        DamagedError: naming every damaged file of its log.
    """
    link_decoded(folder)
    return open_table(folder) if DeltaTable.is_deltatable(folder, _storage_options()) else None


def open_table(folder: str, *, version: int | None = None) -> DeltaTable:
    """Open an existing table; None for `version` means the latest.

    Raises:
        DamagedError: naming every damaged file of its log.
    """
    link_decoded(folder)
    with naming_faults(folder, version=version):
        delta = DeltaTable(folder, version=version, storage_options=_storage_options())
    # delta-rs reads an empty entry as one that changed nothing. A power failure leaves the last
    # entry empty, so that one is checked here; `overnight check-lake` checks all of them.
    found = delta.version()
    with contextlib.suppress(FileNotFoundError), naming_faults(folder, version=found):
        read_entry(folder, found)  # a checkpoint may replace it
    return delta


def read_notes(folder: str, version: int) -> Mapping[str, object]:
    """Read the notes of the writer of a version from its log entry, one small file.

    `DeltaTable.history` would not do: at an older version it begins with the latest commit, under
    the number of the older one.

    Raises:
        FileNotFoundError: when the log has no entry of that version.
        DamagedError: when it is not what was written.
    """
    with naming_faults(folder, version=version):
        return read_entry(folder, version).notes


def lost_entry(folder: str, version: int) -> DamagedError:
    """Build the error for a version that has a checkpoint but no log entry with its notes."""
    return _describe_faults(folder, [f"{entry_name(version)} is missing"])


@contextlib.contextmanager
def naming_faults(folder: str, *, version: int | None) -> Iterator[None]:
    """Turn errors about a log into one that names its damaged files and the remedy."""
    try:
        yield
    except (DeltaError, DamagedError) as error:
        try:
            faults = list(find_faults(folder, until=version))
        except OSError:
            faults = []  # the store does not answer; the error says so already
        if not faults:
            raise
        raise _describe_faults(folder, faults) from error


@contextlib.contextmanager
def committing_first(folder: str, version: int, message: str) -> Iterator[None]:
    """Raise ChangedSinceError if a commit in the block fails and another writer came first.

    Args:
        folder: of the table.
        version: the version that the commit is based on.
        message: of the error.
    """
    try:
        yield
    except DeltaError as error:
        if open_table(folder).version() == version:
            raise
        raise ChangedSinceError(message) from error


def _describe_faults(folder: str, faults: Sequence[str]) -> DamagedError:
    _, spec, table = f"/{folder}".rsplit("/", 2)
    listed = "\n".join(f"  - {fault}" for fault in faults)
    return DamagedError(
        f"The log of the table {folder} is damaged:\n{listed}\n"
        f"{remedy_for_log(table, spec, folder)}"
    )


def _storage_options() -> dict[str, str]:
    """Return the storage options beside AWS's own variables: permission to use plain HTTP."""
    plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    return {"allow_http": "true"} if plain else {}


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
        actions, "append", schema, partition_by=[EVENT_DAY],
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
        [_add(part) for part in parts], "overwrite", schema, partition_by=[EVENT_DAY],
        commit_properties=_describe(notes, added=added, removed=removed),
        post_commithook_properties=KEEP_LOG,
    )  # fmt: skip


def add_parts_first(delta: DeltaTable, parts: Sequence[DataFile], *, schema: pa.Schema) -> None:
    """Commit further parts, unless another writer committed since the opened version.

    Raises:
        DeltaError: when another writer did.
    """
    delta.create_write_transaction(
        [_add(part) for part in parts], "append", schema, partition_by=[EVENT_DAY],
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


def _add(part: DataFile) -> AddAction:
    """Build the action that adds a part."""
    stats = json.dumps({"numRecords": part.rows})
    modified = int(time.time() * 1000)
    return AddAction(
        part.path, part.size_bytes, {EVENT_DAY: part.day}, modified, data_change=True, stats=stats
    )


def _remove(part: DataFile) -> RemoveAction:
    """Build the action that removes a part."""
    return RemoveAction(
        part.path,
        data_change=True,
        deletion_timestamp=int(time.time() * 1000),
        size=part.size_bytes,
        partition_values={EVENT_DAY: part.day},
    )
