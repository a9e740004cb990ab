"""The usual level of a daily count, and how probable it is that chance alone makes it fall so low.

Counts of days are Poisson, or binomial where they are some of that day's rows, with a factor for
each weekday. Where the days or the weeks of the reference vary more than that, counts are divided
by their dispersion before the tail is computed (quasi-likelihood: McCullagh and Nelder 1989,
chapter 9), which makes it longer.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

WEEK = 7
# A factor of a weekday is estimated from at least so many of them,
LEAST_WEEKDAYS = 4
# and is drawn to 1 as by so many counts that follow no weekday.
STEADY_COUNTS = 10.0
# One day counts at most so many times the median, so that a burst does not become the usual.
MOST_TIMES_MEDIAN, LEAST_CLIP = 4.0, 10.0
# Days or weeks vary more than chance makes them when it would do so more rarely than this; then
# their dispersion is the upper limit that is exceeded as rarely as the second number says.
UNLIKELY, LIMIT_OF_DISPERSION = 0.02, 0.1
LEAST_FREEDOM = 3
# Up to this rate counts of rows are taken as Poisson.
RARE = 0.1
# A part of the level that the limit of a rate may take up: Berger and Boos 1994.
LIMIT_PART = 0.01


@dataclass(frozen=True, slots=True)
class Series:
    """A count a day.

    Attributes:
        numbers: of the days, since 1970.
        counts: of each day.
        trials: the day's rows that could have counted; None: the count is of rows itself.
    """

    numbers: Int64s
    counts: Floats
    trials: Floats | None

    def take(self, chosen: Int64s) -> "Series":
        """Select days."""
        trials = None if self.trials is None else self.trials[chosen]
        return Series(self.numbers[chosen], self.counts[chosen], trials)

    @property
    def exposure(self) -> Floats:
        """Rows that could have counted; 1 a day where there is no such number."""
        return np.ones(len(self.counts)) if self.trials is None else self.trials


@dataclass(frozen=True, slots=True)
class Usual:
    """The level of a reference.

    Attributes:
        rate: counts for each unit of exposure, weekdays apart.
        factors: of the seven weekdays.
        count: of the reference, bursts cut.
        dispersion: variance of its days or weeks over that of chance, at least 1.
    """

    rate: float
    factors: Floats
    count: float
    dispersion: float

    @classmethod
    def of(cls, reference: Series) -> "Usual":
        """Estimate the level of a reference."""
        exposure = reference.exposure
        shares = reference.counts / exposure
        most = np.maximum(MOST_TIMES_MEDIAN * np.median(shares) * exposure, LEAST_CLIP)
        counts = np.minimum(reference.counts, most)
        weekdays = reference.numbers % WEEK
        factors = _weekday_factors(counts, exposure, weekdays)
        weighted = exposure * factors[weekdays]
        rate = float(counts.sum() / weighted.sum())
        dispersion = _dispersion(counts, rate * weighted, is_share=reference.trials is not None,
                                 exposure=exposure)  # fmt: skip
        return cls(rate, factors, float(counts.sum()), dispersion)

    def expect(self, days: Series) -> Floats:
        """Compute the expected count of each day."""
        return self.rate * days.exposure * self.factors[days.numbers % WEEK]

    def tail(self, days: Series, *, level: float) -> float:
        """Compute the probability that chance alone gives so few counts in these days, or fewer.

        Args:
            days: other days than those of the reference.
            level: the probability that matters, for the limit of a rate.
        """
        if self.rate <= 0:
            return 1.0
        seen, before = days.counts.sum() / self.dispersion, self.count / self.dispersion
        exposure = float(self.expect(days).sum()) / self.rate
        reference = self.count / self.rate
        if days.trials is None or self.rate <= RARE:
            # Given their sum, counts divide in two as their exposures do. That holds of Poisson
            # counts; rare binomial ones vary less, so their tail is not longer.
            share = reference / (reference + exposure)
            return float(special.betainc(before, seen + 1, share))
        rows, others = exposure / self.dispersion, reference / self.dispersion
        limit = LIMIT_PART * level
        lowest = special.betaincinv(before, max(others - before, 0.0) + 1, limit)
        if seen >= rows:
            return 1.0
        return float(special.betainc(rows - seen, seen + 1, 1 - lowest) + limit)


def _weekday_factors(counts: Floats, exposure: Floats, weekdays: Int64s) -> Floats:
    days = np.bincount(weekdays, minlength=WEEK)
    if days.min() < LEAST_WEEKDAYS:
        return np.ones(WEEK)
    expected = np.bincount(weekdays, exposure, WEEK) * counts.sum() / exposure.sum()
    found = np.bincount(weekdays, counts, WEEK)
    factors: Floats = (found + STEADY_COUNTS) / (expected + STEADY_COUNTS)
    return factors


def _dispersion(counts: Floats, expected: Floats, *, is_share: bool, exposure: Floats) -> float:
    """Estimate how much more days and weeks vary than chance makes them.

    Where they do, beyond what chance would explain, the upper limit of the estimate is taken: a
    few weeks say little of how much weeks vary.
    """
    variance = expected.copy()
    if is_share:
        variance *= 1 - np.minimum(expected / exposure, 1 - 1 / (exposure.sum() + 2))
    residual = counts - expected
    found = [1.0]
    for length, lost in ((1, min(WEEK, len(counts) - 1)), (WEEK, 1)):
        blocks = len(counts) // length
        free = blocks - lost
        if free < LEAST_FREEDOM:
            continue
        kept = slice(len(counts) - blocks * length, None)
        sums = residual[kept].reshape(blocks, length).sum(axis=1)
        varied = variance[kept].reshape(blocks, length).sum(axis=1)
        total = float((sums[varied > 0] ** 2 / varied[varied > 0]).sum())
        if special.chdtrc(free, total) < UNLIKELY:
            found.append(total / special.chdtri(free, 1 - LIMIT_OF_DISPERSION))
    return max(found)
