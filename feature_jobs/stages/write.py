"""Write stage: a day's rows with the features of every group and derived ones, one part a day.

A partition gets a manifest of its days, reads their first versions and joins the features by the
total order; ids that do not match are an error, not a wrong feature. Spark gets only the columns
that derived expressions read; all others pass through as one binary value in the first row of their
day.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import types as t
from pyspark.sql.pandas.types import to_arrow_schema

from expectations.contract import EVENT_DAY, EVENT_TIME, TRANSACTION_ID, OvernightError
from feature_jobs.declaration import FeatureGroup
from feature_jobs.io import encode_features, read_columns, write_data_file
from feature_jobs.kernels import integers, time_order
from feature_jobs.stages.read import read_firsts
from feature_jobs.stages.shuffle_blocks import binary, collect, pack, unpack

MANIFEST = -1
PASSTHROUGH = "other_columns"
WRITTEN = "path string, day string, rows long, size_bytes long"


@dataclass(frozen=True, slots=True)
class Day:
    """One event day of the input.

    Attributes:
        day: `2025-01-31`.
        files: Parquet files that hold all its rows and nothing else.
        rows: how many they are; later versions, which have no features, among them.
        is_wanted: True if its features are written; False for days of the lookback.
        kept: a part of an earlier build whose columns are taken where they are not computed.
    """

    day: str
    files: tuple[str, ...]
    rows: int
    is_wanted: bool = True
    kept: str | None = None


@dataclass(frozen=True, slots=True)
class Assembly:
    """Columns of a part, and where each comes from.

    Attributes:
        columns: row columns, in order.
        made: features that the files hold beside them.
        names: every feature, in order; the derived ones are the last.
        groups: what was computed.
        expression_columns: columns that derived expressions read and that are not derived now.
        derived: features that are derived now.
        target: address of the parts' folder.
    """

    columns: tuple[str, ...]
    made: tuple[str, ...]
    names: tuple[str, ...]
    groups: tuple[FeatureGroup, ...]
    expression_columns: tuple[str, ...]
    derived: tuple[str, ...]
    target: str


def manifest(days: Sequence[Day]) -> bytes:
    """Encode the days of a partition."""
    return json.dumps([asdict(day) for day in days]).encode()


def assembler(
    assembly: Assembly, schema: t.StructType
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Make the function for `mapInArrow` from blocks to the columns that Spark's expressions read.

    Args:
        assembly: the columns of a part.
        schema: of the expression columns and the passthrough column.
    """
    arrow = to_arrow_schema(schema, timezone="UTC")

    def assemble(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for rows in _days(batches, assembly):
            passthrough = rows.drop_columns(
                [c for c in assembly.expression_columns if c in rows.column_names]
            )
            others = pa.nulls(rows.num_rows - 1, pa.binary())
            first = binary(pack(passthrough))
            evaluated = rows.select(assembly.expression_columns).append_column(
                PASSTHROUGH, pa.concat_arrays([first, others])
            )
            yield from evaluated.cast(arrow).combine_chunks().to_batches()

    return assemble


def finisher(
    assembly: Assembly,
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Make the function for `mapInArrow` from Spark's derived columns to written parts."""

    def finish(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held: list[pa.RecordBatch] = []
        for batch in batches:
            starts = np.flatnonzero(batch[PASSTHROUGH].is_valid().to_numpy(zero_copy_only=False))
            for start, end in zip([0, *starts], [*starts, batch.num_rows], strict=True):
                if start in starts and held:
                    yield _finish_day(held, assembly)
                    held = []
                if end > start:
                    held.append(batch.slice(start, end - start))
        if held:
            yield _finish_day(held, assembly)

    return finish


def writer(
    assembly: Assembly,
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Make the function for `mapInArrow` from blocks to written parts, where nothing is derived."""

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for rows in _days(batches, assembly):
            yield _write(rows, assembly)

    return write


def _finish_day(held: list[pa.RecordBatch], assembly: Assembly) -> pa.RecordBatch:
    passed = pa.Table.from_batches(held)
    rows = unpack(passed[PASSTHROUGH][0])
    for name in (*assembly.expression_columns, *assembly.derived):
        rows = rows.append_column(name, passed[name].combine_chunks())
    return _write(rows, assembly)


def _write(rows: pa.Table, assembly: Assembly) -> pa.RecordBatch:
    day = rows[EVENT_DAY][0].as_py()
    ordered = rows.select([*assembly.columns, *assembly.names, EVENT_DAY])
    written = write_data_file(assembly.target, day, encode_features(ordered), rows=ordered.num_rows)
    return pa.RecordBatch.from_pylist([asdict(written)])


def _days(batches: Iterator[pa.RecordBatch], assembly: Assembly) -> Iterator[pa.Table]:
    """Yield each day of a partition with every column that is not derived now.

    A day that has only later versions, moved to it from others, has no part.
    """
    held = collect(batches)
    days = [Day(**d) for block in held.pop(MANIFEST, []) for d in json.loads(block.as_py())]
    computed = {
        group.number: _sorted(pa.concat_tables([unpack(b) for b in held.pop(group.number)]))
        for group in assembly.groups
        if group.number in held
    }
    for day in days:
        tables = [read_firsts(file, [*assembly.columns, *assembly.made]) for file in day.files]
        if sum(table.num_rows for table in tables):
            yield _assemble_day(day, pa.concat_tables(tables), computed, assembly)


def _assemble_day(
    day: Day, rows: pa.Table, computed: dict[int, pa.Table], assembly: Assembly
) -> pa.Table:
    events = integers(rows[EVENT_TIME])
    order = time_order(events, rows[TRANSACTION_ID])
    if np.any(np.diff(order) < 0):
        rows, events = rows.take(pa.array(order)), events[order]
    rows = rows.combine_chunks()
    for group in assembly.groups:
        features = computed.get(group.number)
        rows = _attach(rows, features, group, events)
    fixed = {*rows.column_names, *assembly.derived}
    kept = [name for name in assembly.names if name not in fixed]
    if kept:
        rows = _keep(rows, day, kept)
    return rows.append_column(EVENT_DAY, pa.array([day.day] * rows.num_rows, pa.string()))


def _attach(
    rows: pa.Table, features: pa.Table | None, group: FeatureGroup, events: np.ndarray
) -> pa.Table:
    """Append a group's features; rows whose key is null have none."""
    has_key = pa.array(np.ones(rows.num_rows, dtype=np.bool_))
    for key in group.needed_keys:
        has_key = pc.and_(has_key, rows[key].combine_chunks().is_valid())
    mask = has_key.to_numpy(zero_copy_only=False)
    count = int(mask.sum())
    if features is None:
        if count:
            raise OvernightError(
                f"No {group.names[0]} came back for {count:,} rows of one day. Report this: it is "
                "a fault of the program."
            )
        kinds = {n: pa.int64() if n in group.counts else pa.float64() for n in group.names}
        features = pa.schema(kinds.items()).empty_table()
        start = 0
    else:
        start = int(np.searchsorted(integers(features[EVENT_TIME]), events[0])) if count else 0
        found = features[TRANSACTION_ID].slice(start, count)
        if not rows[TRANSACTION_ID].filter(has_key).equals(found):
            raise OvernightError(
                f"{group.names[0]} came back for other rows than were sent: an id of the "
                f"{count:,} rows may stand twice. Validate the transactions."
            )
    position = pa.array(np.cumsum(mask) - 1, mask=~mask)
    for name in group.names:
        own = features[name].slice(start, count)
        column = own if count == rows.num_rows else own.combine_chunks().take(position)
        rows = rows.append_column(name, column)
    return rows


def _keep(rows: pa.Table, day: Day, names: Sequence[str]) -> pa.Table:
    """Append columns of the earlier part."""
    if day.kept is None:
        raise OvernightError(
            f"{day.day} has no earlier part to take {', '.join(names)} from. Build it whole: "
            f"--from {day.day}."
        )
    earlier = read_columns(day.kept, [TRANSACTION_ID, *names])
    if not earlier[TRANSACTION_ID].equals(rows[TRANSACTION_ID]):
        raise OvernightError(
            f"The rows of {day.day} are not those of its earlier part. Build it whole: "
            f"--from {day.day}."
        )
    for name in names:
        rows = rows.append_column(name, earlier[name])
    return rows


def _sorted(features: pa.Table) -> pa.Table:
    order = time_order(integers(features[EVENT_TIME]), features[TRANSACTION_ID])
    return features.take(pa.array(order))
