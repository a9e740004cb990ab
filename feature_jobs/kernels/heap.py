"""Binary heap of row numbers in compiled code, by least or by greatest value."""

import numba
import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@numba.njit(cache=True)
def push(heap: Int64s, size: int, entry: int, values: Floats, sign: float) -> None:
    """Put a row number onto a heap of `size` entries ordered by `sign * value`."""
    at = size
    while at > 0:
        parent = (at - 1) // 2
        if sign * values[heap[parent]] <= sign * values[entry]:
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = entry


@numba.njit(cache=True)
def pop(heap: Int64s, size: int, values: Floats, sign: float) -> None:
    """Remove the first of a heap of `size` entries."""
    entry = heap[size - 1]
    at, last = 0, size - 1
    while True:
        child = 2 * at + 1
        if child >= last:
            break
        if child + 1 < last and sign * values[heap[child + 1]] < sign * values[heap[child]]:
            child += 1
        if sign * values[heap[child]] >= sign * values[entry]:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = entry


@numba.njit(cache=True)
def drop_gone(  # noqa: PLR0917 -- numba takes no keywords
    heap: Int64s, size: int, leaving: int, entered: Bools, values: Floats, sign: float
) -> int:
    """Remove rows before `leaving` and retracted ones from the top; return the new size."""
    while size > 0 and (heap[0] < leaving or not entered[heap[0]]):
        pop(heap, size, values, sign)
        size -= 1
    return size


@numba.njit(cache=True)
def row_numbers(size: int) -> tuple[Floats, Int64s]:
    """Return the row numbers as values to order a heap by, and an empty heap for them."""
    return np.arange(size).astype(np.float64), np.empty(size, dtype=np.int64)
