"""Running kernel: exact trailing aggregates of every entity's history, one pass a window.

A value *enters* when it becomes visible and *leaves* when its event is older than the window. Two
pointers advance through both orders, so the cost is linear in rows, whatever the length of the
window. One call computes every aggregate of one measure over one window.

A row may be a version of a transaction, which is *retracted* when it is replaced or withdrawn. A
row at that very time does not see it any more; the version that replaces it enters by itself.

At row j with event time t, the other rows that count are those with `enter < t`, and of those
with `enter == t` the ones that became visible after their own event or stand before j in the
order; as long as `event + window_plus_delay > t`, and until they are retracted at t or before.
Values that are NaN do not count.

Arrays that all window kernels take, all by row unless said otherwise:

    starts    where each history begins, and at last the number of rows
    firsts    for each history the first row that is wanted; rows before it are only remembered.
              Rows after it that are not wanted are computed like the others
    events    event times in microseconds, not falling within a history
    enters    when each row's value becomes visible, at or after its event time; the largest
              integer for a row that is retracted by then
    order     each history's row numbers by `enters`, ties in row order
    retract_starts  where each history's retractions begin, and at last their number
    retract_rows, retract_times  the row that is retracted, and when; by history, then time
    window_plus_delay  how long after its event a value stays: the window plus a fixed delay
    out       one line for each aggregate asked for; NaN where it is not defined
"""

from types import MappingProxyType

import numba
import numpy as np
import numpy.typing as npt

from feature_jobs.kernels.exact_sum import (
    SQUARE_DIGITS,
    SUM_DIGITS,
    add_square,
    add_value,
    places,
    read_deviation,
    read_sum,
)
from feature_jobs.kernels.heap import drop_gone, push, row_numbers
from feature_jobs.kernels.small_sum import add_small, fits, read_small
from feature_jobs.kernels.visibility import is_visible

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

COUNT, SUM, MEAN, STD, MIN, MAX, LAST, SINCE, FIRST = range(9)
OPERATIONS = MappingProxyType(
    {
        "count": COUNT,
        "sum": SUM,
        "mean": MEAN,
        "std": STD,
        "min": MIN,
        "max": MAX,
        "last": LAST,
        "time_since_last": SINCE,
        "time_since_first": FIRST,
    }
)
# Columns of `partial_counts`: values, and how many of them are infinite.
COUNT_COLUMNS = 3
MICROSECONDS = 1e6


@numba.njit(cache=True, nogil=True)
def compute_running(  # noqa: PLR0912, PLR0915, PLR0917 -- one loop; numba takes no keywords
    starts: Int64s,
    firsts: Int64s,
    events: Int64s,
    enters: Int64s,
    order: Int64s,
    retract_starts: Int64s,
    retract_rows: Int64s,
    retract_times: Int64s,
    values: Floats,
    bits: Int64s,
    window_plus_delay: int,
    include_current: bool,  # noqa: FBT001 -- numba takes no keywords
    statistics: Int64s,
    exclude_current: Bools,
    partial_of: Int64s,
    partial_counts: Int64s,
    partial_sums: Int64s,
    partial_squares: Int64s,
    out: Floats,
) -> None:
    """Compute count, sum, mean, std, min, max, last and the times since last and first.

    Beside the arrays that the module describes:

        values: the measure; for a count of transactions, ones.
        bits: the same 64-bit patterns as integers.
        include_current: True if a row's own value counts in aggregates that are not `prior_`.
        statistics: one of this module's constants for each line of `out`.
        exclude_current: for each line, True if it leaves the row itself out.
        partial_of: for each history the line of the partial arrays, or -1 for none.
        partial_counts, partial_sums, partial_squares: what is in the window during the whole
            history and not among its rows: counts, exact digits (`feature_jobs.stages.skew`).
    """
    wants_sum = np.any((statistics == SUM) | (statistics == MEAN) | (statistics == STD))
    wants_square = bool(np.any(statistics == STD))
    wants_min, wants_max = np.any(statistics == MIN), np.any(statistics == MAX)
    lows = np.empty(len(events) if wants_min else 0, dtype=np.int64)
    highs = np.empty(len(events) if wants_max else 0, dtype=np.int64)
    entered = np.zeros(len(events), dtype=np.bool_)
    numbers, newest = row_numbers(len(events) if len(retract_rows) > 0 else 0)
    sums = np.zeros(SUM_DIGITS, dtype=np.int64)
    squares = np.zeros(SQUARE_DIGITS, dtype=np.int64)
    scratch = np.empty(6 * SUM_DIGITS, dtype=np.int64)
    counts = np.zeros(COUNT_COLUMNS, dtype=np.int64)
    for history in range(len(starts) - 1):
        first, last = starts[history], starts[history + 1]
        counts[:] = 0
        low, high, lowest, least, most = 0, 0, -1, 0, 0
        if wants_sum:
            lowest, highest = places(bits, first, last)
            low, high = (lowest >> 5, (highest >> 5) + 5) if lowest <= highest else (0, 3)
            sums[:], squares[:] = 0, 0
            # From here on: not negative if sums are kept in two integers.
            if wants_square or partial_of[history] >= 0 or not fits(lowest, highest):
                lowest = -1
        partial = partial_of[history]
        if partial >= 0:
            counts[:] = partial_counts[partial]
            if wants_sum:
                sums[:], squares[:] = partial_sums[partial], partial_squares[partial]
                for digit in range(SUM_DIGITS):
                    if sums[digit] != 0:
                        low, high = min(low, digit), max(high, digit + 3)
        entering, leaving, fewer, greater, latest, oldest = first, first, 0, 0, -1, last
        retracting, until = retract_starts[history], retract_starts[history + 1]
        is_retracted, held = until > retracting, 0
        for row in range(firsts[history], last):
            now = events[row]
            while leaving < last and events[leaving] + window_plus_delay <= now:
                if entered[leaving]:
                    _count(counts, values[leaving], -1)
                    if wants_sum and np.isfinite(values[leaving]):
                        least, most = _change(
                            sums, squares, least, most, bits[leaving], -1, lowest, wants_square
                        )
                leaving += 1
            while entering < last:
                other = order[entering]
                enter = enters[other]
                if not is_visible(enter, events[other], other, now, row):
                    break
                entering += 1
                value = values[other]
                if other < leaving or np.isnan(value):
                    continue
                entered[other] = True
                _count(counts, value, 1)
                latest, oldest = max(latest, other), min(oldest, other)
                if is_retracted:
                    push(newest, held, other, numbers, -1.0)
                    held += 1
                if wants_sum and np.isfinite(value):
                    least, most = _change(
                        sums, squares, least, most, bits[other], 1, lowest, wants_square
                    )
                if wants_min:
                    push(lows, fewer, other, values, 1.0)
                    fewer += 1
                if wants_max:
                    push(highs, greater, other, values, -1.0)
                    greater += 1
            while retracting < until and retract_times[retracting] <= now:
                other = retract_rows[retracting]
                retracting += 1
                if other < leaving or not entered[other]:
                    continue
                entered[other] = False
                _count(counts, values[other], -1)
                if wants_sum and np.isfinite(values[other]):
                    least, most = _change(
                        sums, squares, least, most, bits[other], -1, lowest, wants_square
                    )
            if wants_min:
                fewer = drop_gone(lows, fewer, leaving, entered, values, 1.0)
            if wants_max:
                greater = drop_gone(highs, greater, leaving, entered, values, -1.0)
            if is_retracted:
                held = drop_gone(newest, held, leaving, entered, numbers, -1.0)
                latest = newest[0] if held > 0 else -1
            while oldest < latest and (oldest < leaving or not entered[oldest]):
                oldest += 1
            own = values[row]
            counted = False
            for step in range(2):  # aggregates without the row itself, then those with it
                if step == 1 and include_current and not np.isnan(own):
                    counted = True
                    _count(counts, own, 1)
                    if wants_sum and np.isfinite(own):
                        least, most = _change(
                            sums, squares, least, most, bits[row], 1, lowest, wants_square
                        )
                for line in range(len(statistics)):
                    if exclude_current[line] == (step == 1):
                        continue
                    statistic, result = statistics[line], np.nan
                    if statistic == COUNT:
                        result = float(counts[0])
                    elif statistic <= MEAN:
                        if lowest >= 0 and counts[1] == 0 and counts[2] == 0:
                            result = read_small(least, most, lowest)
                        else:
                            result = _total(counts, sums, low, high, scratch)
                        if statistic == MEAN:
                            result = result / counts[0] if counts[0] > 0 else np.nan
                    elif statistic == STD:
                        if counts[1] == 0 and counts[2] == 0:
                            result = read_deviation(sums, low, high, squares, counts[0], scratch)
                    elif statistic == MIN:
                        result = values[lows[0]] if fewer > 0 else np.nan
                        if counted and not result <= own:
                            result = own
                    elif statistic == MAX:
                        result = values[highs[0]] if greater > 0 else np.nan
                        if counted and not result >= own:
                            result = own
                    elif statistic == LAST and counted:
                        result = own
                    elif latest >= leaving:
                        if statistic == LAST:
                            result = values[latest]
                        else:
                            seen = oldest if statistic == FIRST else latest
                            result = (now - events[seen]) / MICROSECONDS
                    out[line, row] = result
            if counted:
                _count(counts, own, -1)
                if wants_sum and np.isfinite(own):
                    least, most = _change(
                        sums, squares, least, most, bits[row], -1, lowest, wants_square
                    )


@numba.njit(cache=True)
def _count(counts: Int64s, value: float, sign: int) -> None:
    counts[0] += sign
    if np.isinf(value):
        counts[1 if value > 0 else 2] += sign


@numba.njit(inline="always")
def _change(  # noqa: PLR0917 -- numba takes no keywords
    sums: Int64s,
    squares: Int64s,
    least: int,
    most: int,
    bits: int,
    sign: int,
    lowest: int,
    wants_square: bool,  # noqa: FBT001 -- numba takes no keywords
) -> tuple[int, int]:
    """Add a value to the sums, or subtract it; in two integers where the sums are kept in two."""
    if lowest >= 0:
        least, most = add_small(least, most, bits, lowest, sign)
    else:
        add_value(sums, bits, sign)
        if wants_square:
            add_square(squares, bits, sign)
    return least, most


@numba.njit(cache=True)
def _total(counts: Int64s, sums: Int64s, low: int, high: int, scratch: Int64s) -> float:
    """Return the sum; infinite if infinities are in the window, NaN if both kinds are."""
    if counts[1] > 0 and counts[2] > 0:
        return np.nan
    if counts[1] > 0:
        return np.inf
    if counts[2] > 0:
        return -np.inf
    return read_sum(sums, low, high, scratch)
