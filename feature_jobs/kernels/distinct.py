"""Number of different values in a trailing window, for every row, in one pass."""

import numba
import numpy as np
import numpy.typing as npt

from feature_jobs.kernels.visibility import is_visible

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@numba.njit(cache=True, nogil=True)
def count_distinct(  # noqa: PLR0917 -- numba takes no keywords
    starts: Int64s,
    firsts: Int64s,
    events: Int64s,
    enters: Int64s,
    order: Int64s,
    retract_starts: Int64s,
    retract_rows: Int64s,
    retract_times: Int64s,
    codes: Int64s,
    window_plus_delay: int,
    include_current: bool,  # noqa: FBT001 -- numba takes no keywords
    exclude_current: Bools,
    out: Floats,
) -> None:
    """Count the different values in each row's window.

    Beside the arrays that `feature_jobs.kernels.windows` describes:

        codes: the value of each row as a number from 0 on; -1 where it is null.
        include_current: True if a row's own value counts in aggregates that are not `prior_`.
        exclude_current: for each line of `out`, True if it leaves the row itself out.
    """
    times = np.zeros(codes.max() + 1 if len(codes) else 0, dtype=np.int64)
    entered = np.zeros(len(events), dtype=np.bool_)
    for history in range(len(starts) - 1):
        first, last = starts[history], starts[history + 1]
        entering, leaving, distinct = first, first, 0
        retracting, until = retract_starts[history], retract_starts[history + 1]
        for row in range(firsts[history], last):
            now = events[row]
            while leaving < last and events[leaving] + window_plus_delay <= now:
                if entered[leaving]:
                    times[codes[leaving]] -= 1
                    distinct -= times[codes[leaving]] == 0
                leaving += 1
            while entering < last:
                other = order[entering]
                enter = enters[other]
                if not is_visible(enter, events[other], other, now, row):
                    break
                entering += 1
                if other < leaving or codes[other] < 0:
                    continue
                entered[other] = True
                distinct += times[codes[other]] == 0
                times[codes[other]] += 1
            while retracting < until and retract_times[retracting] <= now:
                other = retract_rows[retracting]
                retracting += 1
                if other >= leaving and entered[other]:
                    entered[other] = False
                    times[codes[other]] -= 1
                    distinct -= times[codes[other]] == 0
            adds = include_current and codes[row] >= 0 and times[codes[row]] == 0
            for line in range(len(exclude_current)):
                out[line, row] = distinct + (1 if adds and not exclude_current[line] else 0)
        for row in range(first, last):
            if codes[row] >= 0:
                times[codes[row]] = 0
