"""Reads Delta tables: the files of each version since the one that was read last.

A table with a change data feed says which rows a commit deletes. Of one without, the files that a
commit adds are read; rows in them that say what was said before make no version.
"""

import logging
from collections.abc import Generator, Iterator, Sequence
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_jobs.io import resolve
from pipelines.config import Dialect, expand_address, explain_unreadable
from pipelines.ingestion.readers.formats.listing import (
    ExplainedError,
    Listing,
    Position,
    SourceFile,
    name_of,
)
from pipelines.lake import (
    GapError,
    TableCommit,
    TablePart,
    TableState,
    UnreadableTableError,
    commits_since,
    entry_digest,
    open_state,
    whole_commit,
)

DELETED = "_is_deleted"  # a column of batches beside those of the table
_CHANGE = "_change_type"
_UPSERTS = ("insert", "update_postimage")
_READ_AHEAD = 1 << 20  # bytes of a column chunk

log = logging.getLogger(__name__)


class DeltaFormat:
    """Versions of a Delta table.

    Args:
        keys: columns by which a deleted row is the same as one that the commit adds again.
        is_full: whether each reading has to be of the whole table.
    """

    endings: ClassVar[tuple[str, ...]] = ()
    row_word = "row"

    def __init__(self, keys: Sequence[str] = (), *, is_full: bool = False) -> None:
        self._keys, self._is_full = tuple(keys), is_full

    def files(self, address: str, *, key: str, since: Position | None) -> Listing:
        """List the versions since a position; without one, the latest as a whole."""
        try:
            return Listing(self._versions(open_state(expand_address(address)), address, since))
        except (UnreadableTableError, pa.ArrowException, ValueError, OSError) as error:
            reason = explain_unreadable(error, address)
            remedy = "" if isinstance(error, UnreadableTableError) else "; correct the address"
            return Listing(problems=[f"{key}: {address} cannot be read as delta: {reason}{remedy}"])

    def schema(self, file: SourceFile, dialect: Dialect, *, columns: Sequence[str]) -> pa.Schema:
        """Return the columns of the table."""
        del dialect, columns
        return file.schema or pa.schema([])

    def batches(
        self, file: SourceFile, dialect: Dialect, *, columns: Sequence[str], rows: int
    ) -> Generator[pa.RecordBatch]:
        """Read columns of each file, and whether the version deleted a row, unless it is whole."""
        del dialect
        parts = () if file.commit is None else file.commit.parts
        has_deleted = any(part.content != "rows" for part in parts)
        kept = self._upserted(parts, file) if has_deleted else None
        for part in parts:
            for batch in _read(part, [*columns, *self._keys], file, rows):
                is_deleted = np.zeros(batch.num_rows, dtype=np.bool_)
                if part.content != "rows":
                    is_deleted = _are_deleted(batch, part)
                    stays = ~is_deleted | ~_are_among(batch, kept, self._keys)
                    batch, is_deleted = batch.filter(pa.array(stays)), is_deleted[stays]  # noqa: PLW2901
                arrays = [batch[name].combine_chunks() for name in columns]
                marks = [] if file.is_whole else [pa.array(is_deleted)]
                names = [*columns, DELETED][: len(arrays) + len(marks)]
                yield pa.record_batch([*arrays, *marks], names=names)

    def place(self, file: SourceFile, dialect: Dialect, row: int) -> int:
        """Return the row: there are no lines."""
        del file, dialect
        return row

    def _versions(self, state: TableState, shown: str, since: Position | None) -> list[SourceFile]:
        """List the units of a table since a position."""
        name = name_of(shown)
        commits = None if since is None else _commits(state, name, since)
        if commits is None or (self._is_full and any(commit.parts for commit in commits)):
            commits = [whole_commit(state)]
        # The latest is kept without changes too: the next night goes on from it.
        wanted = [each for each in commits if each.parts or each.version == state.version]
        return [_unit(state, name, commit) for commit in wanted]

    def _upserted(self, parts: Sequence[TablePart], file: SourceFile) -> pa.Table:
        """Read the keys of the rows that a commit adds or changes."""
        found = []
        for part in parts:
            if part.content == "deleted rows":
                continue
            for batch in _read(part, self._keys, file, 1 << 20):
                is_new = pa.array(~_are_deleted(batch, part))
                found.append(batch.filter(is_new).select(self._keys))
        if not found:
            return file.schema.empty_table().select(self._keys) if file.schema else pa.table({})
        both = pa.concat_tables(found, promote_options="permissive")
        return both.group_by(list(self._keys)).aggregate([])


def _commits(state: TableState, name: str, since: Position) -> list[TableCommit] | None:
    """List the commits since a position; None, with a warning, where there is a gap."""
    try:
        if since.identity != state.id:
            raise GapError("it was created again")
        return commits_since(state, int(since.until), digest=since.digest)
    except GapError as error:
        log.warning(
            "%s: %s. All of its rows are read again; rows that it has no more stay filed "
            "(source.is_full withdraws them)", name, error,
        )  # fmt: skip
        return None


def _unit(state: TableState, name: str, commit: TableCommit) -> SourceFile:
    return SourceFile(
        f"{name}@v{commit.version}",
        state.address,
        sum(part.size for part in commit.parts),
        commit.at,
        etag=state.id,
        kind="delta",
        position=Position(
            str(commit.version), state.id, entry_digest(state.address, commit.version)
        ),
        is_whole=commit.is_whole,
        commit=commit,
        schema=state.schema,
    )


def _read(
    part: TablePart, columns: Sequence[str], file: SourceFile, rows: int
) -> Iterator[pa.Table]:
    """Read columns of a file, those of its partition and null ones included."""
    wanted = list(dict.fromkeys([*columns, *([_CHANGE] if part.content == "changes" else [])]))
    filesystem, path = resolve(part.address)
    try:
        with filesystem.open_input_file(path) as opened:
            parquet = pq.ParquetFile(opened, buffer_size=_READ_AHEAD)
            own = [name for name in parquet.schema_arrow.names if name in wanted]
            for group in range(parquet.num_row_groups):
                for batch in parquet.iter_batches(batch_size=rows, row_groups=[group], columns=own):
                    yield _filled(batch, wanted, part, file.schema)
    except FileNotFoundError as error:
        raise ExplainedError(
            f"{name_of(part.address)} is gone, as after a VACUUM; run the night again"
        ) from error


def _filled(
    batch: pa.RecordBatch, wanted: Sequence[str], part: TablePart, schema: pa.Schema | None
) -> pa.Table:
    columns = {}
    for name in wanted:
        if name in batch.schema.names:
            columns[name] = _without_views(batch.column(name))
            continue
        kind = pa.string()
        if schema is not None and name in schema.names:
            kind = schema.field(name).type
        columns[name] = _repeated(part.values.get(name), kind, batch.num_rows)
    return pa.table(columns)


def _without_views(values: pa.Array) -> pa.Array:
    """Return text and bytes in the form that Arrow's kernels take; delta-rs writes views."""
    if pa.types.is_string_view(values.type):
        return values.cast(pa.string())
    return values.cast(pa.binary()) if pa.types.is_binary_view(values.type) else values


def _repeated(text: str | None, kind: pa.DataType, count: int) -> pa.Array:
    """Repeat the value of a partition; times stay text, as a log writes them without a zone."""
    value = pa.scalar(text or None, pa.string())
    if not pa.types.is_timestamp(kind):
        value = value.cast(kind)
    return pa.repeat(value, count)


def _are_deleted(batch: pa.Table, part: TablePart) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Mark rows that the table had before a commit; a changed row has one in both states."""
    if part.content != "changes":
        return np.full(batch.num_rows, part.content == "deleted rows", dtype=np.bool_)
    is_new = pc.is_in(batch[_CHANGE], value_set=pa.array(_UPSERTS, pa.string()))
    return ~np.asarray(is_new, dtype=np.bool_)


def _are_among(
    rows: pa.Table, others: pa.Table | None, keys: Sequence[str]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Mark rows whose key others have."""
    mask = np.zeros(rows.num_rows, dtype=np.bool_)
    if others is None or not others.num_rows or not keys:
        return mask
    kind = pa.schema([rows.schema.field(name) for name in keys])
    numbered = rows.select(keys).append_column("_row", pa.array(np.arange(rows.num_rows)))
    joined = numbered.join(others.select(keys).cast(kind), list(keys), join_type="inner")
    mask[joined["_row"].to_numpy()] = True
    return mask
