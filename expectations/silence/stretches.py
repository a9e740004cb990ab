"""Stretches of days in which a count stopped or collapsed, for as long as they last.

Each of growing stretches up to the latest day is compared with the days before it, so that what
stopped long ago is found as what stopped yesterday is. Probabilities are multiplied by the number
of stretches and of metrics that were looked at (Bonferroni).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from expectations.silence.usual import Floats, Int64s, Series, Usual

# A reference has at most eight weeks, and at least four: fewer do not say how much weeks vary.
MOST_REFERENCE, LEAST_REFERENCE = 56, 28
# Around a run without any count there are at least so many days with one or none.
LEAST_AROUND = 7
# and no other run that is at least so many times as long.
LIKE_IT = 0.5
# Every length up to four weeks is looked at, then lengths that grow by a seventh.
DENSE, GROWTH = 28, 8 / 7
# A count has come back when the last days have the usual, and so many were expected in them.
ENOUGH_TO_RETURN = 12.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days in which fewer were counted than chance allows.

    Attributes:
        since, until: its first and last day.
        days: their number, those that are not judged apart.
        seen, expected: the count, and that of the level before.
        probability: that chance alone gives a stretch like this anywhere.
    """

    since: str
    until: str
    days: int
    seen: float
    expected: float
    probability: float

    def __str__(self) -> str:
        number = f"{self.expected:,.0f}" if self.expected >= 10 else f"{self.expected:.1f}"  # noqa: PLR2004 -- two digits
        chance = max(self.probability, 1e-12)
        sign = "below" if self.probability < chance else "of at most"
        days = f"in the {self.days} days from {self.since} to {self.until}"
        where = days if self.days > 1 else f"on {self.since}"
        return (
            f"{self.seen:,.0f} {where}, where {number} were "
            f"expected (by chance alone with a probability {sign} {chance:.1g})"
        )


def find_lasting(
    days: Sequence[str],
    counts: Floats,
    trials: Floats | None,
    *,
    level: float,
    least_change: float,
    metrics: int = 1,
) -> Stretch | None:
    """Find the stretch up to the latest day in which a count stopped or collapsed.

    Args:
        days: in their order.
        counts: one a day; NaN where a day is not judged.
        trials: of each day, the rows that could have counted; None: the count is of rows itself.
        level: the probability at which chance alone may give a finding, in all metrics together.
        least_change: a smaller relative fall is none.
        metrics: how many are looked at.
    """
    names, series = _judged(days, counts, trials)
    lengths = list(_lengths(len(names) - LEAST_REFERENCE))
    tests = max(len(lengths) * metrics, 1)
    if _is_steady(series, least_change):
        return None
    places = np.arange(len(names))
    found: list[tuple[float, float, int, Usual]] = []
    for length in lengths:
        start = len(names) - length
        usual = Usual.of(series.take(places[max(start - MOST_REFERENCE, 0) : start]))
        stretch = series.take(places[start:])
        expected, seen = usual.expect(stretch), stretch.counts
        if not _is_low(seen, expected, least_change):
            continue
        chance = tests * usual.tail(stretch, level=level / tests)
        if chance < level:
            found.append((chance, float(seen.sum() - expected.sum()), start, usual))
    if not found:
        return None
    _, _, start, usual = min(found, key=lambda each: each[:2])
    stretch = series.take(places[start:])
    missing = (1 - least_change) * usual.expect(stretch) - stretch.counts
    start += int(np.argmax(np.cumsum(missing[::-1])[::-1]))
    return _describe(names, series, places[start:], usual, tests=tests, level=level)


def find_silent_runs(
    days: Sequence[str], counts: Floats, trials: Floats, *, level: float
) -> list[Stretch]:
    """Find runs of days without any count, longer than chance allows, wherever they lie.

    Args:
        days: in their order.
        counts: one a day; NaN where a day is not judged.
        trials: the rows of each day.
        level: the probability at which chance alone may give a finding.
    """
    names, series = _judged(days, counts, trials)
    tests, places = max(len(names), 1), np.arange(len(names))
    found = []
    runs, half = list(_zero_runs(series.counts)), MOST_REFERENCE // 2
    for start, end in runs:
        # Runs that may be silence too say nothing of the usual.
        is_usual = np.ones(len(names), dtype=np.bool_)
        for other, its_end in runs:
            is_usual[other:its_end] = its_end - other < LIKE_IT * (end - start)
        is_usual[start:end] = False
        before, after = places[:start][is_usual[:start]], places[end:][is_usual[end:]]
        reference = np.concatenate([before[-half:], after[:half]])
        if len(reference) < LEAST_AROUND:
            continue
        usual = Usual.of(series.take(reference))
        run = _describe(names, series, places[start:end], usual, tests=tests, level=level)
        if run.probability < level:
            found.append(run)
    return found


def _judged(days: Sequence[str], counts: Floats, trials: Floats | None) -> tuple[list[str], Series]:
    """Select the days that are judged: those with a count, and with rows that could have one."""
    judged = ~np.isnan(counts)
    if trials is not None:
        judged &= np.nan_to_num(trials) > 0
    chosen = np.flatnonzero(judged)
    names = [days[at] for at in chosen.tolist()]
    numbers = np.array(names, dtype="datetime64[D]").astype(np.int64)
    return names, Series(numbers, counts[chosen], None if trials is None else trials[chosen])


def _lengths(longest: int) -> Iterator[int]:
    """Yield growing lengths, and the longest."""
    length = 1
    while length < longest:
        yield length
        length = length + 1 if length < DENSE else int(length * GROWTH)
    if longest > 0:
        yield longest


def _is_steady(series: Series, least_change: float) -> bool:
    """Return True if no day is low beside the highest, so that no stretch can be."""
    shares = series.counts / series.exposure
    return not len(shares) or bool(shares.min() >= (1 - least_change) * shares.max())


def _is_low(seen: Floats, expected: Floats, least_change: float) -> bool:
    """Return True if a count is low in a stretch, and has not come back at its end."""
    seen, expected = np.cumsum(seen[::-1]), np.cumsum(expected[::-1])
    is_usual = seen >= (1 - least_change) * expected
    has_returned = is_usual & (expected >= ENOUGH_TO_RETURN)
    return not is_usual[-1] and not has_returned.any()


def _zero_runs(counts: Floats) -> Iterator[tuple[int, int]]:
    """Yield where runs of zeros begin and end, the end not among them."""
    is_zero = np.concatenate([[False], counts == 0, [False]])
    edges: Int64s = np.flatnonzero(is_zero[1:] != is_zero[:-1])
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _describe(
    names: Sequence[str], series: Series, places: Int64s, usual: Usual, *, tests: int, level: float
) -> Stretch:
    stretch = series.take(places)
    return Stretch(
        since=names[places[0]],
        until=names[places[-1]],
        days=len(places),
        seen=float(stretch.counts.sum()),
        expected=float(usual.expect(stretch).sum()),
        probability=min(tests * usual.tail(stretch, level=level / tests), 1.0),
    )
