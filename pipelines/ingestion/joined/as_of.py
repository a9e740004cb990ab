"""The newest row of a key that was known at a time."""

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
NO_ROW = -1


def newest_known(codes: Int64s, times: Int64s, known_codes: Int64s, known: Int64s) -> Int64s:
    """Return for each key and time the position of the row that counts, -1 for none.

    A row counts from the microsecond on in which it became known: one that is known at exactly the
    time of a transaction is what its scoring saw. Of rows of one key and time the last counts.

    Args:
        codes: numbers of keys; below 0: no key.
        times: in microseconds.
        known_codes: numbers of the keys of the rows to choose from.
        known: when each became known.

    >>> numbers = lambda *values: np.array(values, dtype=np.int64)
    >>> newest_known(numbers(1, 1, 2), numbers(9, 10, 99), numbers(1, 1), numbers(10, 4)).tolist()
    [1, 0, -1]
    """
    count = len(known)
    both = np.concatenate([known_codes, codes])
    at = np.concatenate([known, times])
    # Rows to choose from stand before questions of the same time, as the sort is stable.
    order = np.lexsort((at, both))
    rows = np.where(order < count, np.arange(len(order)), NO_ROW)
    last = np.maximum.accumulate(rows) if len(rows) else rows
    found = np.full(len(codes), NO_ROW, dtype=np.int64)
    asked = order >= count
    chosen, question = last[asked], order[asked] - count
    is_there = chosen != NO_ROW
    chosen, question = order[chosen[is_there]], question[is_there]
    same = (known_codes[chosen] == codes[question]) & (codes[question] >= 0)
    found[question[same]] = chosen[same]
    return found
