"""The window kernel: exact trailing aggregates of one entity's history, in one walk.

A value *enters* when it becomes visible and *leaves* when its event is older than the window. Two
pointers walk both orders side by side, so the cost is linear in rows, whatever the length of the
window. Sums are kept as pairs of doubles (Dekker 1971, Knuth's two-sum), about 106 bits, so that
what has left leaves no rounding behind and a value does not depend on where the history began.
"""

import math

import numba
import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

COUNT, SUM, MEAN, STD, MIN, MAX = range(6)


@numba.njit(cache=True)
def _add(high: float, low: float, value: float, value_low: float) -> tuple[float, float]:
    """Add a pair to a pair, keeping what a double would round away."""
    total = high + value
    part = total - high
    error = (high - (total - part)) + (value - part) + low + value_low
    rounded = total + error
    return rounded, error - (rounded - total)


@numba.njit(cache=True)
def _square(value: float) -> tuple[float, float]:
    """The exact square as a pair (Dekker's split at 27 bits)."""
    product = value * value
    scaled = 134217729.0 * value
    high = scaled - (scaled - value)
    low = value - high
    return product, ((high * high - product) + 2.0 * high * low) + low * low


@numba.njit(cache=True)
def _sift_in(heap: Int64s, size: int, entry: int, values: Floats, sign: float) -> None:
    """Push an index onto a binary heap ordered by `sign * value`."""
    at = size
    while at > 0:
        parent = (at - 1) // 2
        if sign * values[heap[parent]] <= sign * values[entry]:
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = entry


@numba.njit(cache=True)
def _pop(heap: Int64s, size: int, values: Floats, sign: float) -> None:
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
def _multiply(first: float, second: float) -> tuple[float, float]:
    """The exact product as a pair."""
    product = first * second
    scaled, other = 134217729.0 * first, 134217729.0 * second
    high, upper = scaled - (scaled - first), other - (other - second)
    low, lower = first - high, second - upper
    error = ((high * upper - product) + high * lower + low * upper) + low * lower
    return product, error


@numba.njit(cache=True)
def _deviation(count: int, high: float, low: float, square: float, square_low: float) -> float:
    """Standard deviation of a sample, from its sum and sum of squares, as pairs."""
    if count < 2:  # noqa: PLR2004 -- one value has no spread
        return np.nan
    mean = high / count
    # sum((x - m)^2) = sum(x^2) - 2 m sum(x) + n m^2, in pairs, because the terms cancel.
    cross, cross_low = _multiply(mean, high)
    total, total_low = _add(square, square_low, -2.0 * cross, -2.0 * (cross_low + mean * low))
    scaled, scaled_low = _multiply(mean, float(count))
    mean_square, mean_square_low = _multiply(mean, scaled)
    total, total_low = _add(total, total_low, mean_square, mean_square_low + mean * scaled_low)
    return math.sqrt(max(total + total_low, 0.0) / (count - 1))


@numba.njit(cache=True)
def slide(  # noqa: PLR0917 -- numba takes no keywords
    starts: Int64s,
    events: Int64s,
    enters: Int64s,
    order: Int64s,
    values: Floats,
    lifetime: int,
    itself: bool,  # noqa: FBT001 -- numba takes no keywords
    statistic: int,
    out: Floats,
) -> None:
    """One aggregate over one trailing window, for every row of every entity.

    At row j with event time t, the other rows that count are those with `enter < t`, and of those
    with `enter == t` the ones that became visible after their own event or stand before j in the
    order; as long as `event + lifetime > t`. NaN values do not count.

    Args:
        starts: where each entity's rows begin, and at last the number of rows.
        events: event times, not falling within an entity.
        enters: when each row's value becomes visible, at or after its event time.
        order: each entity's row numbers by `enters`, ties in row order.
        values: the measure; for a count of transactions, ones.
        lifetime: how long after its event a value stays: the window, plus a fixed delay.
        itself: whether the row's own value counts.
        statistic: one of this module's constants.
        out: receives the aggregate; NaN where mean, min, max or std of nothing is asked for.
    """
    rank = np.empty_like(order)
    heap = np.empty(len(events) if statistic in (MIN, MAX) else 0, dtype=np.int64)
    sign = -1.0 if statistic == MAX else 1.0
    for entity in range(len(starts) - 1):
        first, last = starts[entity], starts[entity + 1]
        for position in range(first, last):
            rank[order[position]] = position
        entering, leaving, size, count = first, first, 0, 0
        high, low, square, square_low = 0.0, 0.0, 0.0, 0.0
        for row in range(first, last):
            now = events[row]
            while leaving < last and events[leaving] + lifetime <= now:
                value = values[leaving]
                if rank[leaving] < entering and not np.isnan(value):
                    count -= 1
                    high, low = _add(high, low, -value, 0.0)
                    product, error = _square(value)
                    square, square_low = _add(square, square_low, -product, -error)
                    if count == 0:
                        high, low, square, square_low = 0.0, 0.0, 0.0, 0.0
                leaving += 1
            while entering < last:
                other = order[entering]
                enter = enters[other]
                if enter > now or (enter == now and enter == events[other] and other >= row):
                    break
                entering += 1
                value = values[other]
                if other < leaving or np.isnan(value):
                    continue
                count += 1
                high, low = _add(high, low, value, 0.0)
                product, error = _square(value)
                square, square_low = _add(square, square_low, product, error)
                if statistic in (MIN, MAX):
                    _sift_in(heap, size, other, values, sign)
                    size += 1
            while size > 0 and heap[0] < leaving:
                _pop(heap, size, values, sign)
                size -= 1
            best = values[heap[0]] if size > 0 else np.nan
            out[row] = _finish(
                statistic, count, (high, low), (square, square_low), best,
                values[row] if itself else np.nan,
            )  # fmt: skip


@numba.njit(cache=True)
def _finish(  # noqa: PLR0917 -- numba takes no keywords
    statistic: int,
    count: int,
    total: tuple[float, float],
    squares: tuple[float, float],
    best: float,
    own: float,
) -> float:
    """The aggregate of what is in the window and the row's own value, if it has one."""
    high, low = total
    square, square_low = squares
    if not np.isnan(own):
        count += 1
        high, low = _add(high, low, own, 0.0)
        product, error = _square(own)
        square, square_low = _add(square, square_low, product, error)
        if np.isnan(best) or (own > best if statistic == MAX else own < best):
            best = own
    if statistic == COUNT:
        return float(count)
    if statistic == SUM:
        return high + low
    if count == 0:
        return np.nan
    if statistic == MEAN:
        return (high + low) / count
    if statistic == STD:
        return _deviation(count, high, low, square, square_low)
    return best
