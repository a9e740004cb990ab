"""Skewed keys: found in a sample before the shuffle, and split in time among several tasks.

A slice `[a, b)` of a key's history computes the rows that happened in it. Of the other rows it
needs those that become visible in it, those that are replaced or withdrawn in it, and for each
window those that leave in it, which is the slice moved back by that window. What is gone before a
does not count. What entered before a and stays until b is the same for every row
of the slice: it is sent as counts and exact digits, a *partial aggregate*, which the slice adds up.
Aggregates that are not additive get the *extremal rows* instead, which can still decide them: for
min and max those that no later row exceeds, for last the newest, for the time since the first the
oldest, for distinct the newest of each value, for median all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_TIME, KNOWN_TIME, LABEL, TRANSACTION_ID
from feature_jobs.declaration import LEGITIMATE, FeatureGroup, WindowComputation
from feature_jobs.kernels import (
    SQUARE_DIGITS,
    SUM_DIGITS,
    add_square,
    add_value,
    encode,
    integers,
    is_labelled,
    lifetimes,
    owned,
    time_order,
    visible_times,
)
from feature_jobs.kernels import windows as kernel

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SLICE, COMPUTATION, COUNTS, SUMS, SQUARES = "slice", "computation", "counts", "sums", "squares"
_FOREVER = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, slots=True)
class Split:
    """Skewed key of one group, and the times at which its history is split.

    Attributes:
        key: its values, one for each of the group's key columns.
        borders: event times in microseconds, ascending; n borders make n + 1 slices.
        end: no row happens at it or later, so what leaves a window then leaves too late to count.
    """

    group: int
    key: tuple[object, ...]
    borders: tuple[int, ...]
    end: int = _FOREVER

    def bounds(self, number: int) -> tuple[int, int]:
        """Return start and end of a slice, half-open; the first has no start."""
        edges = (-_FOREVER, *self.borders, self.end)
        return edges[number], edges[number + 1]


def find_splits(
    sample: pa.Table, groups: Sequence[FeatureGroup], *, rows: int, rows_per_task: int, end: int
) -> list[Split]:
    """Find keys with more rows than one task should hold, and split them into slices of fewer.

    Besides its own rows a slice gets those that leave each window in it, about as many again for
    each window; so slices are that much smaller than `rows_per_task`.

    Args:
        sample: event time and key columns of rows drawn at random.
        groups: those with windows are looked at.
        rows: how many rows the sample stands for.
        rows_per_task: rows that one task should hold.
        end: a time after the last event, in microseconds.
    """
    if sample.num_rows == 0:
        return []
    scale = rows / sample.num_rows
    splits = []
    for group in groups:
        if not group.windows:
            continue
        keys = list(group.keys)
        counted = sample.group_by(keys).aggregate([(EVENT_TIME, "count")])
        often = counted.filter(pc.greater(counted[f"{EVENT_TIME}_count"], rows_per_task / scale))
        for found in often.to_pylist():
            key = tuple(found[k] for k in keys)
            if None in key:
                continue
            times = integers(sample.filter(equals(sample, keys, key))[EVENT_TIME])
            windows = {c.window_plus_delay for c in group.computations()}
            slices = int(np.ceil(len(times) * scale / rows_per_task * (1 + len(windows))))
            quantiles = np.quantile(times, np.arange(1, slices) / slices).astype(np.int64)
            borders = tuple(int(t) for t in np.unique(quantiles))
            splits.append(Split(group.number, key, borders, end))
    return splits


def equals(rows: pa.Table, keys: Sequence[str], values: Sequence[object]) -> pa.ChunkedArray:
    """Return a mask of the rows that have these values of the keys."""
    mask = None
    for key, value in zip(keys, values, strict=True):
        one = pc.equal(rows[key], pa.scalar(value, rows.schema.field(key).type))
        mask = one if mask is None else pc.and_(mask, one)
    return mask


@dataclass(frozen=True, slots=True)
class SlicePayload:
    """Rows of a skewed key that one slice gets, and the partial aggregates of the others."""

    slice: int
    rows: pa.Table
    partial: pa.Table | None


def split_rows(
    rows: pa.Table, group: FeatureGroup, split: Split, *, since: int
) -> Iterator[SlicePayload]:
    """Divide rows of a skewed key among its slices.

    Args:
        rows: any rows of the key, with times as integers.
        group: the windows.
        split: the key's borders.
        since: the first event time that is wanted; slices before it are not made.
    """
    events = integers(rows[EVENT_TIME])
    known = integers(rows[KNOWN_TIME])
    rows = rows.take(pa.array(time_order(events, rows[TRANSACTION_ID], known)))
    view = _View(rows, group)
    for number in range(len(split.borders) + 1):
        start, end = split.bounds(number)
        if end <= since:
            continue
        needed, past = view.needed(start, end)
        partial = view.partial_aggregates(
            split.key, number, needed=needed, past=past, start=start, end=end
        )
        if needed.any() or partial is not None:
            yield SlicePayload(number, rows.filter(pa.array(needed)), partial)


class _View:
    """Rows of one key in their order, as arrays."""

    def __init__(self, rows: pa.Table, group: FeatureGroup) -> None:
        self._rows, self._group, self._computations = rows, group, group.computations()
        self._events = integers(rows[EVENT_TIME])
        known = integers(rows[KNOWN_TIME])
        lives = lifetimes(rows, known)
        self._exits: Int64s | None = None if lives is None else lives.exits
        self._enters = {
            delay: visible_times(self._events, known, delay, lives) for delay in group.delays
        }
        self._windows_plus_delay = sorted(
            {computation.window_plus_delay for computation in self._computations}
        )
        self._has_label: Bools | None = None
        if group.reads_labels:
            self._has_label = is_labelled(rows)

    def needed(self, start: int, end: int) -> tuple[Bools, Bools]:
        """Return masks of the rows to send to a slice, and of those in a window when it starts."""
        events = self._events
        inside = (events >= start) & (events < end)
        past = np.zeros(len(events), dtype=np.bool_)
        for enters in self._enters.values():
            inside |= (enters >= start) & (enters < end)
            past |= enters < start
        for window_plus_delay in self._windows_plus_delay:
            leaves = events + window_plus_delay
            inside |= (leaves >= start) & (leaves < end)
        if self._exits is not None:
            inside |= (self._exits > start) & (self._exits < end)
            past &= self._exits >= end
        past &= events + self._windows_plus_delay[-1] >= end
        if self._has_label is not None:
            # Few, and a label may be known before its transaction has arrived: all are sent.
            inside |= (
                self._has_label & (events < end) & (events + self._windows_plus_delay[-1] >= start)
            )
        for computation in self._computations:
            if computation.measure != LABEL:
                alive = past & (self._enters[computation.delay] < start)
                # What leaves before the end is sent already.
                alive &= events + computation.window_plus_delay >= end
                inside[_extremal_rows(computation, self._rows, alive)] = True
        return inside, past

    def partial_aggregates(
        self,
        key: tuple[object, ...],
        number: int,
        *,
        needed: Bools,
        past: Bools,
        start: int,
        end: int,
    ) -> pa.Table | None:
        """Aggregate the rows that stay in each window all through the slice, and are not sent."""
        rest = past & ~needed
        if not rest.any():
            return None
        lines = []
        for position, computation in enumerate(self._computations):
            if computation.reads_labels:
                continue
            mask = rest & (self._enters[computation.delay] < start)
            mask &= self._events + computation.window_plus_delay >= end
            counts = np.zeros(kernel.COUNT_COLUMNS, dtype=np.int64)
            sums = np.zeros(SUM_DIGITS, dtype=np.int64)
            squares = np.zeros(SQUARE_DIGITS, dtype=np.int64)
            if _adds(computation):
                values = measure_values(self._rows, computation)
                _sum_up(values, values.view(np.int64), mask, counts, sums, squares)
            lines.append({SLICE: number, COMPUTATION: position, COUNTS: counts, SUMS: sums,
                          SQUARES: squares})  # fmt: skip
        schema = pa.schema([
            (SLICE, pa.int32()), (COMPUTATION, pa.int32()), (COUNTS, pa.list_(pa.int64())),
            (SUMS, pa.list_(pa.int64())), (SQUARES, pa.list_(pa.int64())),
        ])  # fmt: skip
        table = pa.Table.from_pylist(lines, schema=schema)
        for name, value in zip(self._group.keys, key, strict=True):
            kind = self._rows.schema.field(name).type
            table = table.append_column(name, pa.array([value] * len(lines), kind))
        return table


def measure_values(rows: pa.Table, computation: WindowComputation) -> Floats:
    """Return the measure as doubles, NaN where the row does not count."""
    if computation.measure is None:
        values = np.ones(rows.num_rows)
    elif computation.measure == LEGITIMATE:
        return np.where(is_labelled(rows), np.nan, 1.0)  # of the others nothing is ever said
    else:
        column = rows[computation.measure].cast(pa.float64()).combine_chunks()
        values = owned(column.to_numpy(zero_copy_only=False))
    return (
        values
        if computation.where is None
        else np.where(meets(rows, computation.where), values, np.nan)
    )


def meets(rows: pa.Table, condition: str) -> Bools:
    """Return a mask of the rows that meet a condition; null does not meet it."""
    held: Bools = rows[condition].combine_chunks().to_numpy(zero_copy_only=False) == 1.0
    return held


def _adds(computation: WindowComputation) -> bool:
    """Return True if a computation has an additive aggregate."""
    return computation.feeds_rate or any(
        w.aggregate.extremal_rows is None for w in computation.windows
    )


def _extremal_rows(computation: WindowComputation, rows: pa.Table, alive: Bools) -> Int64s:
    """Return the numbers of the rows that aggregates which are not additive can still depend on."""
    kinds = {w.aggregate.extremal_rows for w in computation.windows} - {None}
    at = np.flatnonzero(alive)
    kept = [at[:0]]
    if "newest_of_each_value" in kinds:
        codes = encode([rows[str(computation.measure)]])[at]
        valid = at[codes >= 0]
        _, newest = np.unique(codes[codes >= 0][::-1], return_index=True)
        kept.append(valid[len(valid) - 1 - newest])
    if kinds - {"newest_of_each_value"}:
        values = measure_values(rows, computation)[at]
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
