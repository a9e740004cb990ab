"""One Delta table of delta-rs: made, opened, and the actions of its commits.

What every table of the lake has in common stands here; `pipelines.lake.tables` says what is
committed.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
from deltalake import DeltaTable, Schema
from deltalake.exceptions import DeltaError
from deltalake.transaction import (
    AddAction,
    CommitProperties,
    PostCommitHookProperties,
    RemoveAction,
)

from expectations.contract import EVENT_DAY
from pipelines.lake.damage import DamagedError, remedy_for_log
from pipelines.lake.data_files import Part
from pipelines.lake.log_entries import ACTIONS, digest_actions, entry_name, find_faults, read_entry

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
    """The table in a folder, at its newest version; None when there is none.

    Raises:
        DamagedError: naming every damaged file of its log.
    """
    return open_held(folder) if DeltaTable.is_deltatable(folder, _storage_options()) else None


def open_held(folder: str, *, version: int | None = None) -> DeltaTable:
    """A table that is known to be there; None for `version` means the newest.

    Raises:
        DamagedError: naming every damaged file of its log.
    """
    with naming_faults(folder, version=version):
        delta = DeltaTable(folder, version=version, storage_options=_storage_options())
    # delta-rs takes an empty entry for one that changed nothing. The last one is what a machine
    # that loses its power leaves empty; all of them are read by `overnight check-lake`.
    found = delta.version()
    with contextlib.suppress(FileNotFoundError), naming_faults(folder, version=found):
        read_entry(folder, found)  # a checkpoint may stand for it
    return delta


def read_notes(folder: str, version: int) -> Mapping[str, object]:
    """Notes of the writer of a version: one small file, however many versions came.

    From its own entry: `DeltaTable.history` of a table at an older version begins with the newest
    commit, under the number of the older one.

    Raises:
        FileNotFoundError: when the log has no entry of that version.
        DamagedError: when it is not what was written.
    """
    with naming_faults(folder, version=version):
        return read_entry(folder, version).notes


def lost_entry(folder: str, version: int) -> DamagedError:
    """The error about a version of which a checkpoint tells the parts, and nothing the notes."""
    return _describe_faults(folder, [f"{entry_name(version)} is missing"])


@contextlib.contextmanager
def naming_faults(folder: str, *, version: int | None) -> Iterator[None]:
    """Errors about a log here name its damaged files, and say what to do."""
    try:
        yield
    except (DeltaError, DamagedError) as error:
        try:
            faults = list(find_faults(folder, until=version))
        except OSError:
            faults = []  # the store does not answer, which is what the error is about
        if not faults:
            raise
        raise _describe_faults(folder, faults) from error


def _describe_faults(folder: str, faults: Sequence[str]) -> DamagedError:
    _, spec, table = f"/{folder}".rsplit("/", 2)
    listed = "\n".join(f"  - {fault}" for fault in faults)
    return DamagedError(
        f"The log of the table {folder} is damaged:\n{listed}\n"
        f"{remedy_for_log(table, spec, folder)}"
    )


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
        commit_properties=_describe(notes, added=kept - names, removed=names - kept),
        post_commithook_properties=KEEP_LOG,
    )  # fmt: skip


def replace_table(
    delta: DeltaTable,
    held: Sequence[Part],
    parts: Sequence[Part],
    *,
    schema: pa.Schema,
    notes: Mapping[str, str],
) -> None:
    """Commit that a table has other columns and no other parts than these.

    Args:
        delta: the table.
        held: all parts that it has; delta-rs takes them out.
        parts: what is there afterwards.
        schema: the other columns.
        notes: beside the version.

    Raises:
        DeltaError: when it cannot be, as another writer came first.
    """
    added, removed = {part.path for part in parts}, {part.path for part in held}
    delta.create_write_transaction(
        [_add(part) for part in parts], "overwrite", schema, partition_by=[EVENT_DAY],
        commit_properties=_describe(notes, added=added, removed=removed),
        post_commithook_properties=KEEP_LOG,
    )  # fmt: skip


def add_parts_first(delta: DeltaTable, parts: Sequence[Part], *, schema: pa.Schema) -> None:
    """Commit further parts, unless anybody committed anything since the version at hand.

    Raises:
        DeltaError: when somebody did.
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
    """Properties of a commit: the notes, and a digest by which a cut entry is found."""
    noted = {**notes, ACTIONS: digest_actions(added, removed)}
    return CommitProperties(custom_metadata=noted, max_commit_retries=retries)


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
