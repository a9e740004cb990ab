"""Known frauds and legitimate rows in a trailing window; labels may be corrected."""

import numba
import numpy as np
import numpy.typing as npt

from feature_jobs.kernels.heap import pop, push, row_numbers
from feature_jobs.kernels.visibility import is_visible
from feature_jobs.kernels.windows import MICROSECONDS

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def compute_frauds(  # noqa: PLR0917 -- numba takes no keywords
    starts: Int64s,
    firsts: Int64s,
    events: Int64s,
    item_starts: Int64s,
    item_rows: Int64s,
    item_enters: Int64s,
    item_changes: Int64s,
    window_plus_delay: int,
    counts: Floats,
    since_last: Floats,
    since_first: Floats,
) -> None:
    """Count known frauds in the window, and seconds since the latest and the oldest of them.

    What is known of a row may change: each change is an item of its own, +1 when it becomes known
    that the row is a fraud, -1 when that is taken back or the row is retracted.

    Beside the arrays that `feature_jobs.kernels.windows` describes:

        item_starts: where each history's items begin, and at last the number of items.
        item_rows, item_enters, item_changes: the row that an item speaks of, when it becomes
            known, and what it changes; by history, then time, then row.
        counts, since_last, since_first: receive the aggregates by row.
    """
    state = np.zeros(len(events), dtype=np.int64)
    for history in range(len(starts) - 1):
        last = starts[history + 1]
        entering, until = item_starts[history], item_starts[history + 1]
        leaving, count, latest, oldest = starts[history], 0, -1, last
        for row in range(firsts[history], last):
            now = events[row]
            while leaving < last and events[leaving] + window_plus_delay <= now:
                count -= state[leaving]
                leaving += 1
            while entering < until:
                other, enter = item_rows[entering], item_enters[entering]
                if not is_visible(enter, events[other], other, now, row):
                    break
                state[other] += item_changes[entering]
                entering += 1
                if other >= leaving:
                    count += item_changes[entering - 1]
                    latest, oldest = max(latest, other), min(oldest, other)
            while latest >= leaving and state[latest] <= 0:
                latest -= 1
            while oldest < latest and (oldest < leaving or state[oldest] <= 0):
                oldest += 1
            counts[row] = count
            if latest >= leaving:
                since_last[row] = (now - events[latest]) / MICROSECONDS
                since_first[row] = (now - events[oldest]) / MICROSECONDS


@numba.njit(cache=True, nogil=True)
def compute_legitimate(  # noqa: PLR0912, PLR0917 -- one loop; numba takes no keywords
    starts: Int64s,
    firsts: Int64s,
    events: Int64s,
    enters: Int64s,
    order: Int64s,
    retract_starts: Int64s,
    retract_rows: Int64s,
    retract_times: Int64s,
    item_starts: Int64s,
    item_rows: Int64s,
    item_enters: Int64s,
    item_changes: Int64s,
    window_plus_delay: int,
    since_last: Floats,
    since_first: Floats,
) -> None:
    """Compute seconds since the latest and the oldest visible row that is no known fraud.

    The arrays are those of `feature_jobs.kernels.windows` and of `compute_frauds`. Where rows are
    retracted the newest that counts is the top of a heap: steps back would be as many as retracted
    rows, for each row again.
    """
    state = np.zeros(len(events), dtype=np.int64)
    entered = np.zeros(len(events), dtype=np.bool_)
    numbers, newest = row_numbers(len(events) + len(item_rows) if len(retract_rows) > 0 else 0)
    for history in range(len(starts) - 1):
        first, last = starts[history], starts[history + 1]
        telling, until = item_starts[history], item_starts[history + 1]
        entering, leaving, latest, oldest = first, first, -1, last
        retracting, retracted = retract_starts[history], retract_starts[history + 1]
        is_retracted, held = retracted > retracting, 0
        for row in range(firsts[history], last):
            now = events[row]
            while leaving < last and events[leaving] + window_plus_delay <= now:
                leaving += 1
            while telling < until:
                other, enter = item_rows[telling], item_enters[telling]
                if not is_visible(enter, events[other], other, now, row):
                    break
                state[other] += item_changes[telling]
                telling += 1
                if entered[other] and state[other] <= 0:  # it was taken back
                    latest, oldest = max(latest, other), min(oldest, other)
                    if is_retracted:
                        push(newest, held, other, numbers, -1.0)
                        held += 1
            while entering < last:
                other, enter = order[entering], enters[order[entering]]
                if not is_visible(enter, events[other], other, now, row):
                    break
                entering += 1
                entered[other] = True
                if state[other] <= 0:
                    latest, oldest = max(latest, other), min(oldest, other)
                    if is_retracted:
                        push(newest, held, other, numbers, -1.0)
                        held += 1
            while retracting < retracted and retract_times[retracting] <= now:
                entered[retract_rows[retracting]] = False
                retracting += 1
            if is_retracted:
                while held > 0 and (state[newest[0]] > 0 or not entered[newest[0]]):
                    pop(newest, held, numbers, -1.0)
                    held -= 1
                latest = newest[0] if held > 0 else -1
            while latest >= leaving and (state[latest] > 0 or not entered[latest]):
                latest -= 1
            while oldest < latest and (
                oldest < leaving or state[oldest] > 0 or not entered[oldest]
            ):
                oldest += 1
            if latest >= leaving:
                since_last[row] = (now - events[latest]) / MICROSECONDS
                since_first[row] = (now - events[oldest]) / MICROSECONDS
