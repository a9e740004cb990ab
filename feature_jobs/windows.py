"""Trailing windows as Spark frames: shuffle by entity, sort by time, walk with the kernel."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import types as t

from expectations.contract import EVENT_TIME, KNOWN_TIME, LABEL, TRANSACTION_ID
from feature_jobs import kernel
from feature_jobs.definitions import Statistic, Window

LABEL_KNOWN = "label_known_time"

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_STATISTICS: dict[Statistic, int] = {
    "count": kernel.COUNT,
    "sum": kernel.SUM,
    "mean": kernel.MEAN,
    "std": kernel.STD,
    "min": kernel.MIN,
    "max": kernel.MAX,
}
_NEVER = np.iinfo(np.int64).max // 4


def add_windows(
    rows: DataFrame, windows: Sequence[Window], *, entity: str, partitions: int
) -> DataFrame:
    """Append the window features of one entity to rows.

    Args:
        rows: with `transaction_id`, `event_time`, `known_time`, the entity, the measures and, if
            labels are counted, `is_fraud` and `label_known_time`.
        windows: features of this entity.
        entity: the column; a row in which it is null has no history, and null features.
        partitions: number of shuffle partitions; the result does not depend on it.
    """
    schema = t.StructType([*rows.schema.fields, *(_field(window) for window in windows)])
    ordered = rows.repartition(partitions, entity).sortWithinPartitions(
        entity, EVENT_TIME, TRANSACTION_ID
    )
    return ordered.mapInArrow(_walker(tuple(windows), entity), schema)


def _field(window: Window) -> t.StructField:
    kind = t.LongType() if window.statistic == "count" else t.DoubleType()
    return t.StructField(window.name, kind)


def _walker(
    windows: tuple[Window, ...], entity: str
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def walk(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = list(batches)
        if held:
            yield from compute_windows(
                pa.Table.from_batches(held), windows, entity=entity
            ).to_batches(max_chunksize=100_000)

    return walk


def compute_windows(rows: pa.Table, windows: Sequence[Window], *, entity: str) -> pa.Table:
    """Append window features to rows that hold whole entities, sorted by entity and order.

    Args:
        rows: sorted by the entity, `event_time`, `transaction_id`.
        windows: features of this entity.
        entity: the column that says whose history a row belongs to.
    """
    history = _History(rows, entity)
    for window in windows:
        values = history.compute(window)
        missing = np.isnan(values) | history.is_stray
        if window.statistic == "count":
            column = pa.array(np.where(missing, 0, values).astype(np.int64), mask=missing)
        else:
            column = pa.array(values, mask=missing)
        rows = rows.append_column(window.name, column)
    return rows


class _History:
    """Arrow columns as the kernel's arrays; visible times and their orders are made once."""

    def __init__(self, rows: pa.Table, entity: str) -> None:
        self._rows = rows
        keys = rows[entity].combine_chunks()
        self.is_stray: npt.NDArray[np.bool_] = keys.is_null().to_numpy(zero_copy_only=False)
        self._starts = _group_starts(keys)
        self._events = _microseconds(rows[EVENT_TIME])
        self._orders: dict[tuple[str, timedelta | None], tuple[Int64s, Int64s]] = {}

    def compute(self, window: Window) -> Floats:
        """One feature for every row; NaN where it is null."""
        if window.statistic == "rate":
            frauds = self._slide(window, self._measure(LABEL), LABEL_KNOWN, kernel.COUNT)
            count = self._slide(window, self._measure(None), KNOWN_TIME, kernel.COUNT)
            # A transaction's label may be known before the transaction arrived.
            return np.divide(frauds, count, out=np.zeros_like(frauds), where=count > 0)
        known = LABEL_KNOWN if window.measure == LABEL else KNOWN_TIME
        statistic = _STATISTICS[window.statistic]
        return self._slide(window, self._measure(window.measure), known, statistic)

    def _measure(self, measure: str | None) -> Floats:
        if measure is None:
            return np.ones(len(self._events))
        values = self._rows[measure].cast(pa.float64()).combine_chunks()
        numbers: Floats = values.to_numpy(zero_copy_only=False)
        # Only a known fraud counts as one: a label that says "legitimate" adds nothing.
        return np.where(numbers == 1, 1.0, np.nan) if measure == LABEL else numbers

    def _slide(self, window: Window, values: Floats, known: str, statistic: int) -> Floats:
        enters, order = self._visibility(known, window.delay)
        delay = window.delay or timedelta()
        itself = not window.is_prior and not delay and window.measure != LABEL
        out = np.empty(len(self._events))
        lifetime = (window.length + delay) // timedelta(microseconds=1)
        kernel.slide(
            self._starts, self._events, enters, order, values, lifetime, itself, statistic, out
        )
        return out

    def _visibility(self, known: str, delay: timedelta | None) -> tuple[Int64s, Int64s]:
        if (known, delay) not in self._orders:
            waited = self._events + (delay or timedelta()) // timedelta(microseconds=1)
            enters = np.maximum(waited, _microseconds(self._rows[known]))
            order = np.arange(len(enters))
            if np.any(np.diff(enters) < 0):
                for first, last in zip(self._starts[:-1], self._starts[1:], strict=True):
                    if np.any(np.diff(enters[first:last]) < 0):
                        order[first:last] = first + np.argsort(enters[first:last], kind="stable")
            self._orders[known, delay] = enters, order
        return self._orders[known, delay]


def _group_starts(keys: pa.Array) -> Int64s:
    """Where runs of equal keys begin, and the number of rows at the end."""
    changed = pc.fill_null(pc.not_equal(keys[1:], keys[:-1]), fill_value=True)
    inner = np.flatnonzero(changed.to_numpy(zero_copy_only=False)) + 1
    return np.concatenate([[0], inner, [len(keys)]]).astype(np.int64)


def _microseconds(times: pa.ChunkedArray) -> Int64s:
    """Microseconds since 1970; a time that is not known is never reached."""
    numbers = times.combine_chunks().cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    filled: Int64s = pc.fill_null(numbers, int(_NEVER)).to_numpy()
    return filled
