"""Clocks that are wrong: a day shifted by hours, and times read in the wrong unit."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

# Microseconds since 1970 between which card payments are plausible: 1990 to 2100.
EARLIEST, LATEST = 631_152_000_000_000, 4_102_444_800_000_000
HOURS, WEEK = 24, 7
_SIGNIFICANCE = 2.0
_BETTER = 0.5
# What a whole number from the epoch may have been meant in, and how many of it are a microsecond.
UNITS = {"seconds": 1_000_000, "milliseconds": 1_000, "microseconds": 1, "nanoseconds": 0.001}


def clock_shifts(hours: Floats, *, days: int, judged: int) -> Floats:
    """Compute by how many hours each of the latest days' clocks seems to be ahead; 0 for none.

    The day's share of rows by hour is compared with that of the same weekday in the trailing days,
    or of all of them where there are not two such days yet; when turning it by s hours makes at
    least half of the distance go away, and the distance was more than chance makes it, its clock
    is s hours ahead.

    Args:
        hours: of shape (days, 24): rows of each day in each hour.
        days: how many days before are compared with.
        judged: how many of the latest days are checked; the others have NaN.
    """
    shifts = np.full(len(hours), np.nan)
    for at in range(max(len(hours) - judged, 0), len(hours)):
        shifts[at] = _shift(hours[at], _reference(hours[max(at - days, 0) : at]))
    return shifts


def _reference(before: Floats) -> Floats:
    """Add up the rows by hour of the days that a day is compared with."""
    weekday = before[::-1][WEEK - 1 :: WEEK]
    alike = weekday[weekday.sum(axis=1) > 0]
    chosen = alike if len(alike) > 1 else before
    total: Floats = chosen.sum(axis=0) if len(chosen) else np.zeros(HOURS)
    return total


def _shift(day: Floats, before: Floats) -> float:
    rows = day.sum()
    if rows == 0 or before.sum() == 0:
        return 0.0
    usual, share = before / before.sum(), day / rows
    distances = np.array([np.abs(np.roll(share, -s) - usual).sum() for s in range(HOURS)])
    # The mean of the distance when the shares are alike: sum of |normal| with variance p/n.
    chance = np.sqrt(2 / np.pi) * np.sqrt(usual / rows + usual / before.sum()).sum()
    best = int(distances.argmin())
    if distances[0] <= _SIGNIFICANCE * chance or distances[best] >= _BETTER * distances[0]:
        return 0.0
    return float(best if best <= HOURS // 2 else best - HOURS)


def guess_unit(
    times: Int64s, *, earliest: int, latest: int, reads: Sequence[str] = tuple(UNITS)
) -> tuple[str, str] | None:
    """Guess the unit that was meant and the one that was read, of times that are implausible.

    Args:
        times: microseconds since 1970, as they were read.
        earliest: the first plausible time, in microseconds.
        latest: the last.
        reads: units in which they may have been read.

    Returns:
        Two of `UNITS`, or None when times are plausible or no other unit makes them so.
    """
    if len(times) == 0:
        return None
    median = float(np.median(times))
    if earliest <= median <= latest:
        return None
    for read in reads:
        for meant, meant_size in UNITS.items():
            if meant != read and earliest <= median / UNITS[read] * meant_size <= latest:
                return meant, read
    return None
