"""Metrics of the rows of one day; `expectations.profile` names them.

Each function gives metrics, and masks of the rows that a counting metric counts.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_TIME, KNOWN_TIME, Column

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]
Metrics = dict[str, float]
Masks = dict[str, Bools]

HOURS = 24
_DAY = 86_400_000_000
_HOUR = 3_600_000_000


def missing(values: pa.Array) -> Bools:
    """Mark nulls, of numbers also NaN."""
    mask: Bools = values.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    return mask


def measure_numbers(column: Column, values: pa.Array, absent: Bools) -> tuple[Metrics, Masks]:
    """Measure lowest, highest, sum and mean of what is not missing, and mark what is out of range.

    Args:
        column: gives the name and the range.
        values: numbers of any type.
        absent: from `missing`.
    """
    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    present = numbers[~absent] if absent.any() else numbers
    is_ranged = column.minimum is not None or column.maximum is not None
    low = -np.inf if column.minimum is None else column.minimum
    high = np.inf if column.maximum is None else column.maximum
    outside = np.zeros(len(numbers), dtype=np.bool_)
    metrics: Metrics = {}
    if len(present):
        with np.errstate(invalid="ignore", over="ignore"):
            lowest, highest, total = float(present.min()), float(present.max()), present.sum()
        if lowest < low or highest > high:
            outside = (numbers < low) | (numbers > high)
        metrics = {
            f"{column.name}.min": lowest,
            f"{column.name}.max": highest,
            f"{column.name}.mean": float(total) / len(present),
            f"{column.name}.sum": float(total),
        }
    return metrics, {f"{column.name}.outside": outside} if is_ranged else {}


def not_allowed(values: pa.Array, allowed: Sequence[str]) -> Bools:
    """Mark values, nulls apart, that a list does not have."""
    known = pc.is_in(values, value_set=pa.array(allowed, pa.string()))
    wrong: Bools = pc.and_not(values.is_valid(), known).to_numpy(zero_copy_only=False)
    return wrong


def count_values(values: pa.Array) -> dict[str, int]:
    """Count how often each value occurs."""
    counted = pc.value_counts(values.drop_null())
    pairs = zip(counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True)
    return {str(value): int(count) for value, count in pairs}


def measure_times(
    day: str, events: Int64s, known: Int64s | None, *, happened_before: datetime
) -> tuple[Metrics, Masks]:
    """Mark rows of another day, too late, or known before they happened; measure the delay.

    Args:
        day: the day that the rows are filed under.
        events: their event times in microseconds.
        known: their known times in microseconds; None where these are not looked at.
        happened_before: nothing happened at it or later.
    """
    start = int(np.datetime64(day, "us").astype(np.int64))
    metrics: Metrics = {}
    masks = {
        f"{EVENT_TIME}.outside_day": (events < start) | (events >= start + _DAY),
        f"{EVENT_TIME}.after": events >= _instant(happened_before),
    }
    if known is not None:
        masks[f"{KNOWN_TIME}.before_event"] = known < events
        if len(events):
            metrics[f"{KNOWN_TIME}.delay_days"] = float(np.median(known - events)) / _DAY
    return metrics, masks


def count_hours(events: Int64s) -> Int64s:
    """Count the rows that happened in each hour of a day."""
    return np.bincount((events % _DAY) // _HOUR, minlength=HOURS)


def repeated(ids: pa.ChunkedArray) -> Int64s:
    """Find the positions of ids that stood before."""
    if pc.count_distinct(ids, mode="all").as_py() == len(ids):
        return np.empty(0, dtype=np.int64)
    codes = pc.dictionary_encode(ids).combine_chunks().indices.to_numpy(zero_copy_only=False)
    again = np.ones(len(codes), dtype=np.bool_)
    again[np.unique(codes, return_index=True)[1]] = False
    return np.flatnonzero(again)


def microseconds(column: pa.ChunkedArray) -> Int64s:
    """Convert times to microseconds since 1970."""
    times = column.combine_chunks().cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return np.asarray(times.to_numpy(zero_copy_only=False), dtype=np.int64)


def _instant(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000 + at.microsecond
