"""Visibility of rows at other rows: from when on, and until when, as all window kernels have it.

A row may be a version of a transaction: a correction replaces it from the time on at which that is
known, and a withdrawal takes it back. Rows without later versions, and tables without their
columns, have no retraction and cost nothing.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import IS_FIRST, REPLACED_TIME

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ALWAYS, NEVER = np.iinfo(np.int64).min, np.iinfo(np.int64).max


@numba.njit(inline="always")
def is_visible(enter: int, event: int, other: int, now: int, row: int) -> bool:
    """Return True if the value of row `other` is visible at row `row`.

    Of values that become visible at the very time of the row, those count that are late, and those
    of rows before it in the order (event time, transaction id).

    Args:
        enter: when the value becomes visible.
        event: event time of the row `other`.
        other: number of that row.
        now: event time of the row `row`.
        row: number of the row that looks.
    """
    return enter < now or (enter == now and (enter != event or other < row))


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Time in which each row is what is known of its transaction, in microseconds.

    Attributes:
        begins: from when on the transaction's label belongs to the row; `ALWAYS` for a first
            version, because a label may be known before the row is.
        exits: when the row is replaced or withdrawn; `NEVER` for one that still holds.
    """

    begins: Int64s
    exits: Int64s


def lifetimes(rows: pa.Table, known: Int64s) -> Lifetimes | None:
    """Read the lifetimes of rows; None where no row has a later version.

    Args:
        rows: with `replaced_time` and `is_first`, or without both. A null means that the version
            still holds, and that it is the first.
        known: known times in microseconds.
    """
    if REPLACED_TIME not in rows.column_names:
        return None
    exits = np.array(pc.fill_null(rows[REPLACED_TIME], NEVER), dtype=np.int64)
    return Lifetimes(np.where(first_versions(rows), ALWAYS, known), exits)


def first_versions(rows: pa.Table) -> Bools:
    """Return a mask of the first versions; all rows where the column is missing."""
    if IS_FIRST not in rows.column_names:
        return np.ones(rows.num_rows, dtype=np.bool_)
    column = rows[IS_FIRST].fill_null(pa.scalar(value=True)).combine_chunks()
    firsts: Bools = column.to_numpy(zero_copy_only=False)
    return firsts


class Retractions(NamedTuple):
    """Rows that stop holding, by history, then time, then row.

    Attributes:
        starts: where each history's retractions begin, and at last their number.
        rows, times: the row, and from when on its value does not count.
    """

    starts: Int64s
    rows: Int64s
    times: Int64s


def retractions(found: Lifetimes | None, starts: Int64s) -> Retractions:
    """Build the retractions of sorted rows.

    Args:
        found: the rows' lifetimes.
        starts: where each history begins, and at last the number of rows.
    """
    if found is None:
        empty = np.empty(0, dtype=np.int64)
        return Retractions(np.zeros_like(starts), empty, empty)
    rows = np.flatnonzero(found.exits != NEVER).astype(np.int64)
    history = np.searchsorted(starts, rows, side="right") - 1
    order = np.lexsort((rows, found.exits[rows], history))
    ends = np.searchsorted(history[order], np.arange(len(starts)))
    return Retractions(ends.astype(np.int64), rows[order], found.exits[rows[order]])


def visible_times(
    events: Int64s, known: Int64s, delay: timedelta | None, found: Lifetimes | None = None
) -> Int64s:
    """Compute when each row becomes visible: once it is known and its delay has passed.

    A row that is replaced by then becomes visible `NEVER`.
    """
    waited = events + (delay // timedelta(microseconds=1) if delay else 0)
    times: Int64s = np.maximum(waited, known)
    return times if found is None else np.where(found.exits <= times, NEVER, times)
