"""Drift of served rows from training: three numbers, each 0 or 1 for "none".

Rates come with Wilson's interval (Wilson 1927), so that few rows raise no alarm.
"""

import math
from collections.abc import Sequence

Z = 3.0
# An empty bin would make the index infinite.
MIN_SHARE = 1e-4


def population_stability_index(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Compute the sum over bins of (served - reference) * ln(served / reference), 0 when alike.

    Args:
        counts: served rows by bin; at least one in all.
        shares: of the reference, by bin.
    """
    total = sum(counts)
    pairs = [
        (max(count / total, MIN_SHARE), max(share, MIN_SHARE))
        for count, share in zip(counts, shares, strict=True)
    ]
    return sum((served - share) * math.log(served / share) for served, share in pairs)


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """Compute Wilson's interval of the rate behind `hits` of `count`, at `Z` standard deviations.

    >>> [round(limit, 4) for limit in wilson_interval(0, 91)]
    [0.0, 0.09]
    """
    square = Z * Z
    centre = (hits + square / 2) / (count + square)
    spread = Z / (count + square) * math.sqrt(hits * (count - hits) / count + square / 4)
    return max(0.0, centre - spread), min(1.0, centre + spread)


def rate_factor(hits: int, count: int, *, reference: float) -> float:
    """Compute the smallest factor, at least 1, by which a rate surely differs from the reference's.

    A reference of 0 counts as half a row of `count`: no rate is a multiple of 0.
    """
    low, high = wilson_interval(hits, count)
    expected = reference or 0.5 / count
    if low > expected:
        return low / expected
    # Even without a single hit the upper end is above 0.
    return expected / high if high < expected else 1.0


def missing_excess(missing: Sequence[int], count: int, *, reference: Sequence[float]) -> float:
    """Compute the lower bound of how much more often the worst feature is missing, at least 0."""
    excesses = [
        wilson_interval(hits, count)[0] - share
        for hits, share in zip(missing, reference, strict=True)
        if hits > share * count
    ]
    return max(0.0, *excesses) if excesses else 0.0
