"""The exact median of a trailing window, for every row, in O(log n) a change.

Values of a history are ranked once. A Fenwick tree over the ranks counts the values that are in
the window, so a value enters or leaves and the k-th smallest is found in O(log n) (Fenwick 1994,
"A New Data Structure for Cumulative Frequency Tables").
"""

import numba
import numpy as np
import numpy.typing as npt

from feature_jobs.kernels.visibility import is_visible

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@numba.njit(cache=True, nogil=True)
def compute_median(  # noqa: PLR0917 -- numba takes no keywords
    starts: Int64s,
    firsts: Int64s,
    events: Int64s,
    enters: Int64s,
    order: Int64s,
    retract_starts: Int64s,
    retract_rows: Int64s,
    retract_times: Int64s,
    values: Floats,
    window_plus_delay: int,
    include_current: bool,  # noqa: FBT001 -- numba takes no keywords
    exclude_current: Bools,
    out: Floats,
) -> None:
    """Compute the median of the values in each row's window, as `numpy.median` does.

    Of an even number of values it is the mean of the two in the middle; NaN where there is none.
    Arguments as in `feature_jobs.kernels.row_kernels`; values that are NaN do not count.
    """
    longest = np.max(np.diff(starts)) if len(starts) > 1 else 0
    tree = np.zeros(longest + 1, dtype=np.int64)
    ranks = np.empty(len(events), dtype=np.int64)
    entered = np.zeros(len(events), dtype=np.bool_)
    for history in range(len(starts) - 1):
        first, last = starts[history], starts[history + 1]
        size = last - first
        by_value = np.argsort(values[first:last], kind="mergesort")
        for rank in range(size):
            ranks[first + by_value[rank]] = rank + 1
        ranked = values[first:last][by_value]
        tree[: size + 1] = 0
        entering, leaving, count = first, first, 0
        retracting, until = retract_starts[history], retract_starts[history + 1]
        for row in range(firsts[history], last):
            now = events[row]
            while leaving < last and events[leaving] + window_plus_delay <= now:
                if entered[leaving]:
                    _add(tree, size, ranks[leaving], -1)
                    count -= 1
                leaving += 1
            while entering < last:
                other = order[entering]
                enter = enters[other]
                if not is_visible(enter, events[other], other, now, row):
                    break
                entering += 1
                if other < leaving or np.isnan(values[other]):
                    continue
                entered[other] = True
                _add(tree, size, ranks[other], 1)
                count += 1
            while retracting < until and retract_times[retracting] <= now:
                other = retract_rows[retracting]
                retracting += 1
                if other >= leaving and entered[other]:
                    entered[other] = False
                    _add(tree, size, ranks[other], -1)
                    count -= 1
            without = _middle(tree, size, ranked, count)
            included = without
            if include_current and not np.isnan(values[row]):
                _add(tree, size, ranks[row], 1)
                included = _middle(tree, size, ranked, count + 1)
                _add(tree, size, ranks[row], -1)
            for line in range(len(exclude_current)):
                out[line, row] = without if exclude_current[line] else included


@numba.njit(cache=True)
def _add(tree: Int64s, size: int, rank: int, sign: int) -> None:
    """Count a value of a rank, from 1 to `size`, once more or once less."""
    at = rank
    while at <= size:
        tree[at] += sign
        at += at & -at


@numba.njit(cache=True)
def _middle(tree: Int64s, size: int, ranked: Floats, count: int) -> float:
    """Return the median of the counted values."""
    if count == 0:
        return np.nan
    high = float(ranked[_select(tree, size, count // 2 + 1)])
    if count % 2 == 1:
        return high
    return (float(ranked[_select(tree, size, count // 2)]) + high) / 2.0


@numba.njit(cache=True)
def _select(tree: Int64s, size: int, number: int) -> int:
    """Return the position, from 0 on, of the counted value with `number - 1` before it."""
    step = 1
    while step * 2 <= size:
        step *= 2
    at = 0
    while step > 0:
        if at + step <= size and tree[at + step] < number:
            at += step
            number -= tree[at]
        step //= 2
    return at
