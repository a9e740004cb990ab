"""Map stage: rows in batches to the partitions where their histories are computed.

Each feature group has partitions of its own. A row goes to the partition that its key's hash
names; the rows of a skewed key go to its slices. Links need the rows of all entities, so they are
split by time alone.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    EVENT_TIME,
    IS_FIRST,
    KNOWN_TIME,
    REPLACED_TIME,
    TRANSACTION_ID,
    InputError,
)
from feature_jobs.declaration import MICROSECOND, FeatureGroup
from feature_jobs.kernels import (
    LABEL_TIMES,
    LABEL_VALUES,
    NEVER,
    attach_labels,
    first_versions,
    integers,
)
from feature_jobs.stages.histories import WANTED, WHOLE
from feature_jobs.stages.shuffle_blocks import frame, pack, spread
from feature_jobs.stages.skew import SLICE, Split, equals, split_rows

Int64s = npt.NDArray[np.int64]

EXAMPLES = 5
_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio (Knuth, vol. 3, 6.4)


@dataclass(frozen=True, slots=True)
class Layout:
    """Assignment of rows to partitions; the same for all tasks.

    Attributes:
        groups: what is computed.
        partitions: how many partitions each group has.
        splits: the skewed keys.
        since: the first event time that is wanted, in microseconds. Later versions never are.
        time_borders: event times at which the links are split, `partitions - 1` of them at most.
    """

    groups: tuple[FeatureGroup, ...]
    partitions: int
    splits: tuple[Split, ...]
    since: int
    time_borders: tuple[int, ...]


def scatterer(
    layout: Layout, known: pa.Table
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Make the function for `mapInArrow` from rows to blocks.

    Rows have `replaced_time` and `is_first`; a batch without later versions sends neither on.

    Args:
        layout: where rows go.
        known: what became known of rows, from `feature_jobs.stages.read.load_known_frauds`.
    """
    reads_labels = any(group.reads_labels for group in layout.groups)

    def scatter(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = pa.Table.from_batches([batch])
            if rows.num_rows:
                rows = _with_lifetimes(_with_integer_times(rows))
                if reads_labels:
                    rows = attach_labels(rows, known)
                for group in layout.groups:
                    yield from _scatter_group(rows, group, layout)

    return scatter


def _with_integer_times(rows: pa.Table) -> pa.Table:
    """Convert times to microseconds.

    Raises:
        InputError: when a row was known before it happened.
    """
    for name in (EVENT_TIME, KNOWN_TIME):
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, name, pa.array(integers(rows[name])))
    early = pc.less(rows[KNOWN_TIME], rows[EVENT_TIME])
    if pc.any(early).as_py():
        ids = rows.filter(early)[TRANSACTION_ID]
        raise InputError(
            f"{len(ids):,} rows of a batch were known before they happened, such as transactions "
            f"{ids.slice(0, EXAMPLES).to_pylist()}. Ingestion quarantines such rows: ingest again."
        )
    return rows


def _with_lifetimes(rows: pa.Table) -> pa.Table:
    """Drop withdrawals, which hold at no time, and columns of versions that say nothing."""
    replaced, firsts = rows[REPLACED_TIME], pa.array(first_versions(rows))
    if replaced.null_count == len(replaced) and pc.all(firsts).as_py():
        return rows.drop_columns([REPLACED_TIME, IS_FIRST])
    replaced = replaced.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    at = rows.schema.get_field_index(REPLACED_TIME)
    holds = pc.greater(pc.fill_null(replaced, NEVER), rows[KNOWN_TIME])
    return rows.set_column(at, REPLACED_TIME, replaced).filter(pc.or_(holds, firsts))


def _scatter_group(rows: pa.Table, group: FeatureGroup, layout: Layout) -> Iterator[pa.RecordBatch]:
    labels = [LABEL_TIMES, LABEL_VALUES] if group.reads_labels else []
    names = [TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, *group.keys, *group.measures, *labels]
    names += [name for name in (REPLACED_TIME, IS_FIRST) if name in rows.column_names]
    own = rows.select(names)
    kept = pc.greater_equal(own[EVENT_TIME], layout.since - group.lookback // MICROSECOND)
    if group.windows:
        for key in group.keys:
            kept = pc.and_(kept, own[key].is_valid())
    own = own.filter(kept)
    wanted = pc.greater_equal(own[EVENT_TIME], layout.since)
    wanted = pc.and_(wanted, pa.array(first_versions(own)))
    own = own.append_column(WANTED, wanted)
    if group.links:
        yield from _split_by_time(own, group, layout)
        return
    for split in (c for c in layout.splits if c.group == group.number):
        skewed = equals(own, group.keys, split.key)
        if pc.any(skewed).as_py():
            yield from _send_slices(own.filter(skewed), group, split, layout)
            own = own.filter(pc.invert(skewed))
    whole = pa.array(np.full(own.num_rows, WHOLE, dtype=np.int32))
    partitions = (
        group.number * layout.partitions + hash_keys(own.select(group.keys)) % layout.partitions
    )
    own = own.append_column(SLICE, whole)
    if own.num_rows:
        yield from spread(own, partitions, group=group.rows_number)


def _send_slices(
    rows: pa.Table, group: FeatureGroup, split: Split, layout: Layout
) -> Iterator[pa.RecordBatch]:
    base = int(hash_keys(rows.slice(0, 1).select(group.keys))[0])
    for payload in split_rows(rows, group, split, since=layout.since):
        # Neighbouring slices go to different partitions.
        partition = group.number * layout.partitions + (base + payload.slice) % layout.partitions
        if payload.rows.num_rows:
            start, _ = split.bounds(payload.slice)
            inside = pc.greater_equal(payload.rows[EVENT_TIME], start)
            at = payload.rows.schema.get_field_index(WANTED)
            sent = payload.rows.set_column(at, WANTED, pc.and_(payload.rows[WANTED], inside))
            number = pa.array(np.full(sent.num_rows, payload.slice, dtype=np.int32))
            yield frame(partition, group.rows_number, pack(sent.append_column(SLICE, number)))
        if payload.partial is not None:
            yield frame(partition, group.partials_number, pack(payload.partial))


def _split_by_time(rows: pa.Table, group: FeatureGroup, layout: Layout) -> Iterator[pa.RecordBatch]:
    """Send each slice of time its rows and those of one lookback before it."""
    split = Split(group.number, (), layout.time_borders)
    events = integers(rows[EVENT_TIME])
    lookback = group.lookback // MICROSECOND
    for number in range(len(split.borders) + 1):
        start, end = split.bounds(number)
        inside = pa.array((events > start - lookback) & (events < end))
        sent = rows.filter(inside)
        if end <= layout.since or not sent.num_rows:
            continue
        at = sent.schema.get_field_index(WANTED)
        wanted = pc.and_(sent[WANTED], pc.greater_equal(sent[EVENT_TIME], start))
        partition = group.number * layout.partitions + number
        yield frame(partition, group.rows_number, pack(sent.set_column(at, WANTED, wanted)))


def hash_keys(keys: pa.Table) -> Int64s:
    """Hash each row's keys to a number from 0 to 2^31, the same in every task.

    Args:
        keys: columns without nulls.
    """
    hashed = np.zeros(keys.num_rows, dtype=np.uint64)
    for column in keys.columns:
        hashed = (hashed + _fingerprints(column)) * np.uint64(_GOLDEN)
        hashed ^= hashed >> np.uint64(32)
    return (hashed & np.uint64((1 << 31) - 1)).astype(np.int64)


def _fingerprints(column: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """Return a number for each value of a column."""
    if pa.types.is_integer(column.type):
        return integers(column).astype(np.uint64)
    encoded = column.combine_chunks().dictionary_encode()
    texts = encoded.dictionary.cast(pa.string()).to_pylist()
    own = np.array([zlib.crc32(text.encode()) for text in texts], dtype=np.uint64)
    fingerprints: npt.NDArray[np.uint64] = own[encoded.indices.to_numpy(zero_copy_only=False)]
    return fingerprints
