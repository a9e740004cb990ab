"""Visibility of one row's value at another row: the rule that all window kernels share."""

import numba


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
