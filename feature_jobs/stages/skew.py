"""Hot keys: found in a sample before the shuffle, and cut in time so that no task gets them whole.

A slice `[a, b)` of a key's history computes the rows that happened in it. Of the other rows it
needs those that become visible in it, and for each window those that leave in it, which is the
stretch just as long one window back. What entered before a and stays until b is the same for
every row of the slice: it is sent as counts and exact digits (the *carry*), summed where it is
read. Where a sum does not do, the rows that can still matter are sent along: for min and max the
ones that no later row outdoes, for last the newest, for the time since the first the oldest, for
distinct the newest of each value.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_TIME, KNOWN_TIME, LABEL, TRANSACTION_ID
from feature_jobs.declaration import GENUINE, Request, Unit
from feature_jobs.kernels import (
    SQUARE_DIGITS,
    SUM_DIGITS,
    add_square,
    add_value,
    encode,
    integers,
    is_labelled,
    owned,
    time_order,
    visible_times,
)
from feature_jobs.kernels import windows as kernel

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SLICE, REQUEST, COUNTS, SUMS, SQUARES = "slice", "request", "counts", "sums", "squares"
_FOREVER = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, slots=True)
class Cut:
    """One hot key of one unit and where its history is cut.

    Attributes:
        key: its values, one for each of the unit's key columns.
        borders: event times in microseconds, ascending; n borders make n + 1 slices.
        end: no row happens at it or later, so what leaves a window then leaves too late to count.
    """

    unit: int
    key: tuple[object, ...]
    borders: tuple[int, ...]
    end: int = _FOREVER

    def bounds(self, number: int) -> tuple[int, int]:
        """Start and end of a slice, half-open; the first has no start."""
        edges = (-_FOREVER, *self.borders, self.end)
        return edges[number], edges[number + 1]


def find_cuts(
    sample: pa.Table, units: Sequence[Unit], *, rows: int, share: int, end: int
) -> list[Cut]:
    """Keys that would fill more than a task's share of rows, cut so that no slice does.

    Besides its own rows a slice gets those that leave each window in it, about as many again for
    each window; so slices are that much smaller than a share.

    Args:
        sample: event time and key columns of rows drawn at random.
        units: those with windows are looked at.
        rows: how many rows the sample stands for.
        share: rows that one task should hold.
        end: a time after the last event, in microseconds.
    """
    if sample.num_rows == 0:
        return []
    scale = rows / sample.num_rows
    cuts = []
    for unit in units:
        if not unit.windows:
            continue
        keys = list(unit.keys)
        counted = sample.group_by(keys).aggregate([(EVENT_TIME, "count")])
        often = counted.filter(pc.greater(counted[f"{EVENT_TIME}_count"], share / scale))
        for found in often.to_pylist():
            key = tuple(found[k] for k in keys)
            if None in key:
                continue
            times = integers(sample.filter(equals(sample, keys, key))[EVENT_TIME])
            stretches = 1 + len({request.lifetime for request in unit.requests()})
            slices = int(np.ceil(len(times) * scale / share * stretches))
            quantiles = np.quantile(times, np.arange(1, slices) / slices).astype(np.int64)
            borders = tuple(int(t) for t in np.unique(quantiles))
            cuts.append(Cut(unit.number, key, borders, end))
    return cuts


def equals(rows: pa.Table, keys: Sequence[str], values: Sequence[object]) -> pa.ChunkedArray:
    """Which rows have these values of the keys."""
    mask = None
    for key, value in zip(keys, values, strict=True):
        one = pc.equal(rows[key], pa.scalar(value, rows.schema.field(key).type))
        mask = one if mask is None else pc.and_(mask, one)
    return mask


@dataclass(frozen=True, slots=True)
class Shipment:
    """What one slice gets of some rows of a hot key: rows, and the carry of the others."""

    slice: int
    rows: pa.Table
    carry: pa.Table | None


def cut_rows(rows: pa.Table, unit: Unit, cut: Cut, *, since: int) -> Iterator[Shipment]:
    """Divide rows of a hot key among its slices.

    Args:
        rows: any rows of the key, with times as integers.
        unit: the windows.
        cut: the key's borders.
        since: the first event time that is wanted; slices before it are not made.
    """
    events = integers(rows[EVENT_TIME])
    rows = rows.take(pa.array(time_order(events, rows[TRANSACTION_ID])))
    view = _View(rows, unit)
    for number in range(len(cut.borders) + 1):
        start, end = cut.bounds(number)
        if end <= since:
            continue
        needed, past = view.needed(start, end)
        carry = view.carry(cut.key, number, needed=needed, past=past, start=start, end=end)
        if needed.any() or carry is not None:
            yield Shipment(number, rows.filter(pa.array(needed)), carry)


class _View:
    """Rows of one key in their order, as arrays."""

    def __init__(self, rows: pa.Table, unit: Unit) -> None:
        self._rows, self._unit, self._requests = rows, unit, unit.requests()
        self._events = integers(rows[EVENT_TIME])
        known = integers(rows[KNOWN_TIME])
        self._enters = {delay: visible_times(self._events, known, delay) for delay in unit.delays}
        self._lifetimes = sorted({request.lifetime for request in self._requests})
        self._has_label: Bools | None = None
        if unit.reads_labels:
            self._has_label = is_labelled(rows)

    def needed(self, start: int, end: int) -> tuple[Bools, Bools]:
        """Rows to send to a slice, and all that are in a window when it starts."""
        events = self._events
        inside = (events >= start) & (events < end)
        past = np.zeros(len(events), dtype=np.bool_)
        for enters in self._enters.values():
            inside |= (enters >= start) & (enters < end)
            past |= enters < start
        for lifetime in self._lifetimes:
            leaves = events + lifetime
            inside |= (leaves >= start) & (leaves < end)
        past &= events + self._lifetimes[-1] >= end
        if self._has_label is not None:
            # Few, and a label may be known before its transaction has arrived: all are sent.
            inside |= self._has_label & (events < end) & (events + self._lifetimes[-1] >= start)
        for request in self._requests:
            if request.measure != LABEL:
                alive = past & (self._enters[request.delay] < start)
                # What leaves before the end is sent already.
                alive &= events + request.lifetime >= end
                inside[_witnesses(request, self._rows, alive)] = True
        return inside, past

    def carry(
        self,
        key: tuple[object, ...],
        number: int,
        *,
        needed: Bools,
        past: Bools,
        start: int,
        end: int,
    ) -> pa.Table | None:
        """Counts and digits of what stays in each window all through the slice."""
        rest = past & ~needed
        if not rest.any():
            return None
        lines = []
        for place, request in enumerate(self._requests):
            if request.reads_labels:
                continue
            mask = rest & (self._enters[request.delay] < start)
            mask &= self._events + request.lifetime >= end
            counts = np.zeros(kernel.CARRIED, dtype=np.int64)
            sums = np.zeros(SUM_DIGITS, dtype=np.int64)
            squares = np.zeros(SQUARE_DIGITS, dtype=np.int64)
            if _adds(request):
                values = measure_values(self._rows, request)
                _sum_up(values, values.view(np.int64), mask, counts, sums, squares)
            lines.append({SLICE: number, REQUEST: place, COUNTS: counts, SUMS: sums,
                          SQUARES: squares})  # fmt: skip
        schema = pa.schema([
            (SLICE, pa.int32()), (REQUEST, pa.int32()), (COUNTS, pa.list_(pa.int64())),
            (SUMS, pa.list_(pa.int64())), (SQUARES, pa.list_(pa.int64())),
        ])  # fmt: skip
        table = pa.Table.from_pylist(lines, schema=schema)
        for name, value in zip(self._unit.keys, key, strict=True):
            kind = self._rows.schema.field(name).type
            table = table.append_column(name, pa.array([value] * len(lines), kind))
        return table


def measure_values(rows: pa.Table, request: Request) -> Floats:
    """What a walk walks over: the measure as doubles, NaN where the row does not count."""
    if request.measure is None:
        values = np.ones(rows.num_rows)
    elif request.measure == GENUINE:
        return np.where(is_labelled(rows), np.nan, 1.0)  # of the others nothing is ever said
    else:
        column = rows[request.measure].cast(pa.float64()).combine_chunks()
        values = owned(column.to_numpy(zero_copy_only=False))
    return values if request.where is None else np.where(meets(rows, request.where), values, np.nan)


def meets(rows: pa.Table, condition: str) -> Bools:
    """Which rows meet a condition; where it is null they do not."""
    held: Bools = rows[condition].combine_chunks().to_numpy(zero_copy_only=False) == 1.0
    return held


def _adds(request: Request) -> bool:
    """Whether a walk has aggregates that are sums, which a carry can hold."""
    return request.feeds_rate or any(w.aggregate.extremal_rows is None for w in request.windows)


def _witnesses(request: Request, rows: pa.Table, alive: Bools) -> Int64s:
    """Row numbers that can still decide an aggregate which no sum holds."""
    kinds = {w.aggregate.extremal_rows for w in request.windows} - {None}
    at = np.flatnonzero(alive)
    kept = [at[:0]]
    if "newest_of_each_value" in kinds:
        codes = encode([rows[str(request.measure)]])[at]
        valid = at[codes >= 0]
        _, newest = np.unique(codes[codes >= 0][::-1], return_index=True)
        kept.append(valid[len(valid) - 1 - newest])
    if kinds - {"newest_of_each_value"}:
        values = measure_values(rows, request)[at]
        at, values = at[~np.isnan(values)], values[~np.isnan(values)]
        kept += [at] if "all" in kinds else [at[:1], at[-1:]]
        for kind, sign in (("maxima", 1.0), ("minima", -1.0)):
            if kind in kinds and len(at):
                later = np.maximum.accumulate((sign * values)[::-1])[::-1]
                kept.append(at[np.append(sign * values[:-1] > later[1:], True)])
    return np.concatenate(kept)


@numba.njit(cache=True)
def _sum_up(  # noqa: PLR0917 -- numba takes no keywords
    values: Floats, bits: Int64s, mask: Bools, counts: Int64s, sums: Int64s, squares: Int64s
) -> None:
    for row in range(len(values)):
        if not mask[row] or np.isnan(values[row]):
            continue
        counts[0] += 1
        if np.isinf(values[row]):
            counts[1 if values[row] > 0 else 2] += 1
        else:
            add_value(sums, bits[row], 1)
            add_square(squares, bits[row], 1)
