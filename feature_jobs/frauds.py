"""Known frauds in a trailing window, for every row, in one walk; labels may be corrected."""

import numba
import numpy as np
import numpy.typing as npt

from feature_jobs.kernel import MICROSECONDS

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def walk_labels(  # noqa: PLR0917 -- numba takes no keywords
    starts: Int64s,
    firsts: Int64s,
    events: Int64s,
    item_starts: Int64s,
    item_rows: Int64s,
    item_enters: Int64s,
    item_changes: Int64s,
    lifetime: int,
    counts: Floats,
    since: Floats,
) -> None:
    """Known frauds in the window, and seconds since the latest of them.

    What is known of a row may change: each change is an item of its own, +1 when it becomes known
    that the row is a fraud, -1 when that is taken back.

    Beside the arrays that `feature_jobs.kernel` describes:

        item_starts: where each history's items begin, and at last the number of items.
        item_rows, item_enters, item_changes: the row that an item speaks of, when it becomes
            known, and what it changes; by history, then time, then row.
        counts, since: receive the two aggregates by row.
    """
    state = np.zeros(len(events), dtype=np.int64)
    for history in range(len(starts) - 1):
        last = starts[history + 1]
        entering, until = item_starts[history], item_starts[history + 1]
        leaving, count, latest = starts[history], 0, -1
        for row in range(firsts[history], last):
            now = events[row]
            while leaving < last and events[leaving] + lifetime <= now:
                count -= state[leaving]
                leaving += 1
            while entering < until:
                other, enter = item_rows[entering], item_enters[entering]
                if enter > now or (enter == now and enter == events[other] and other >= row):
                    break
                state[other] += item_changes[entering]
                entering += 1
                if other >= leaving:
                    count += item_changes[entering - 1]
                    latest = max(latest, other)
            while latest >= leaving and state[latest] <= 0:
                latest -= 1
            counts[row] = count
            if latest >= leaving:
                since[row] = (now - events[latest]) / MICROSECONDS
