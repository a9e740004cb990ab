"""First stage: rows in batches to the places where their histories are computed.

Each unit has places of its own. A row goes to the place that its key's hash names; the rows of a
hot key go to its slices, and links, which need everybody's rows, are cut by time alone.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_TIME, KNOWN_TIME, TRANSACTION_ID, InputError
from feature_jobs.declaration import MICROSECOND, Unit
from feature_jobs.kernels import LABEL_TIMES, LABEL_VALUES, attach_labels, integers
from feature_jobs.stages.histories import WANTED, WHOLE
from feature_jobs.stages.shuffle_blocks import frame, pack, spread
from feature_jobs.stages.skew import SLICE, Cut, cut_rows, equals

Int64s = npt.NDArray[np.int64]

EXAMPLES = 5
_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio (Knuth, vol. 3, 6.4)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything goes; the same for all tasks.

    Attributes:
        units: what is computed.
        places: how many places each unit has.
        cuts: the hot keys.
        since: the first event time that is wanted, in microseconds.
        time_borders: event times at which the links are cut, `places - 1` of them at most.
    """

    units: tuple[Unit, ...]
    places: int
    cuts: tuple[Cut, ...]
    since: int
    time_borders: tuple[int, ...]


def scatterer(
    layout: Layout, known: pa.Table
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """A function for `mapInArrow` from rows to blocks.

    Args:
        layout: where rows go.
        known: what became known of rows, from `feature_jobs.stages.read.load_known_frauds`.
    """
    reads_labels = any(unit.reads_labels for unit in layout.units)

    def scatter(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = pa.Table.from_batches([batch])
            if rows.num_rows:
                rows = _with_integer_times(rows)
                if reads_labels:
                    rows = attach_labels(rows, known)
                for unit in layout.units:
                    yield from _scatter_unit(rows, unit, layout)

    return scatter


def _with_integer_times(rows: pa.Table) -> pa.Table:
    """Times as microseconds.

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


def _scatter_unit(rows: pa.Table, unit: Unit, layout: Layout) -> Iterator[pa.RecordBatch]:
    labels = [LABEL_TIMES, LABEL_VALUES] if unit.reads_labels else []
    names = [TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, *unit.keys, *unit.measures, *labels]
    own = rows.select(names)
    kept = pc.greater_equal(own[EVENT_TIME], layout.since - unit.lookback // MICROSECOND)
    if unit.windows:
        for key in unit.keys:
            kept = pc.and_(kept, own[key].is_valid())
    own = own.filter(kept)
    wanted = pc.greater_equal(own[EVENT_TIME], layout.since)
    own = own.append_column(WANTED, wanted)
    if unit.links:
        yield from _cut_by_time(own, unit, layout)
        return
    for cut in (c for c in layout.cuts if c.unit == unit.number):
        hot = equals(own, unit.keys, cut.key)
        if pc.any(hot).as_py():
            yield from _send_slices(own.filter(hot), unit, cut, layout)
            own = own.filter(pc.invert(hot))
    whole = pa.array(np.full(own.num_rows, WHOLE, dtype=np.int32))
    places = unit.number * layout.places + hash_keys(own.select(unit.keys)) % layout.places
    own = own.append_column(SLICE, whole)
    if own.num_rows:
        yield from spread(own, places, unit=unit.rows_number)


def _send_slices(rows: pa.Table, unit: Unit, cut: Cut, layout: Layout) -> Iterator[pa.RecordBatch]:
    base = int(hash_keys(rows.slice(0, 1).select(unit.keys))[0])
    for shipment in cut_rows(rows, unit, cut, since=layout.since):
        # Neighbouring slices go to different places.
        place = unit.number * layout.places + (base + shipment.slice) % layout.places
        if shipment.rows.num_rows:
            start, _ = cut.bounds(shipment.slice)
            inside = pc.greater_equal(shipment.rows[EVENT_TIME], start)
            at = shipment.rows.schema.get_field_index(WANTED)
            sent = shipment.rows.set_column(at, WANTED, pc.and_(shipment.rows[WANTED], inside))
            number = pa.array(np.full(sent.num_rows, shipment.slice, dtype=np.int32))
            yield frame(place, unit.rows_number, pack(sent.append_column(SLICE, number)))
        if shipment.carry is not None:
            yield frame(place, unit.carries_number, pack(shipment.carry))


def _cut_by_time(rows: pa.Table, unit: Unit, layout: Layout) -> Iterator[pa.RecordBatch]:
    """Each slice of time gets its rows and everything that one lookback before it can count."""
    cut = Cut(unit.number, (), layout.time_borders)
    events = integers(rows[EVENT_TIME])
    lookback = unit.lookback // MICROSECOND
    for number in range(len(cut.borders) + 1):
        start, end = cut.bounds(number)
        inside = pa.array((events > start - lookback) & (events < end))
        sent = rows.filter(inside)
        if end <= layout.since or not sent.num_rows:
            continue
        at = sent.schema.get_field_index(WANTED)
        wanted = pc.and_(sent[WANTED], pc.greater_equal(sent[EVENT_TIME], start))
        place = unit.number * layout.places + number
        yield frame(place, unit.rows_number, pack(sent.set_column(at, WANTED, wanted)))


def hash_keys(keys: pa.Table) -> Int64s:
    """A number from 0 to 2^31 for each row: equal keys have equal ones, in every task.

    Args:
        keys: columns without nulls.
    """
    hashed = np.zeros(keys.num_rows, dtype=np.uint64)
    for column in keys.columns:
        hashed = (hashed + _fingerprints(column)) * np.uint64(_GOLDEN)
        hashed ^= hashed >> np.uint64(32)
    return (hashed & np.uint64((1 << 31) - 1)).astype(np.int64)


def _fingerprints(column: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """A number for each value of a column."""
    if pa.types.is_integer(column.type):
        return integers(column).astype(np.uint64)
    encoded = column.combine_chunks().dictionary_encode()
    texts = encoded.dictionary.cast(pa.string()).to_pylist()
    own = np.array([zlib.crc32(text.encode()) for text in texts], dtype=np.uint64)
    fingerprints: npt.NDArray[np.uint64] = own[encoded.indices.to_numpy(zero_copy_only=False)]
    return fingerprints
