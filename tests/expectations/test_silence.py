"""Silence is found as soon as chance does not explain it, and chance alone seldom is silence."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from expectations.silence import Stretch, find_lasting, find_silent_runs
from expectations.silence.usual import Series, Usual

Floats = npt.NDArray[np.float64]
History = Callable[[np.random.Generator, int], tuple[Floats, Floats | None]]
LEVEL = 0.01


def days(count: int) -> list[str]:
    start = np.datetime64("2025-01-01")
    return [str(start + np.timedelta64(at, "D")) for at in range(count)]


def lasting(
    counts: Floats, trials: Floats | None = None, *, level: float = 0.001, **more: int
) -> Stretch | None:
    return find_lasting(days(len(counts)), counts, trials, level=level, least_change=0.5, **more)


def steady(counts: list[float], trials: list[float] | None = None) -> Series:
    rows = None if trials is None else np.array(trials)
    return Series(np.arange(len(counts)), np.array(counts), rows)


def test_the_tail_of_counts_by_hand() -> None:
    # 168 counts in 56 days and none in 4: each of them fell into the 56 of 60 days.
    usual = Usual.of(steady([3.0] * 56))
    assert usual.tail(steady([0.0] * 4), level=0.001) == pytest.approx((56 / 60) ** 168)
    # One in 4: 168 or 169 of 169 in the 56 days.
    expected = stats.binom.sf(167, 169, 56 / 60)
    assert usual.tail(steady([0, 0, 1.0, 0]), level=0.001) == pytest.approx(expected)


def test_the_tail_of_a_rate_is_that_of_its_lower_limit() -> None:
    usual = Usual.of(steady([50.0] * 56, [100.0] * 56))
    limit = 0.01 * 0.001
    lowest = stats.beta.ppf(limit, 2800, 2801)
    expected = stats.binom.cdf(20, 100, lowest) + limit
    assert usual.tail(steady([20.0], [100.0]), level=0.001) == pytest.approx(expected)


def test_days_that_vary_twice_as_much_need_twice_the_counts() -> None:
    # Residuals of 6 around 9: a dispersion of 36 / 9 = 4 of days, of 48 - 7 degrees of freedom.
    counts = [3.0, 15.0] * 28
    usual = Usual.of(steady(counts))
    assert usual.rate * usual.factors.mean() == pytest.approx(9, rel=0.01)
    assert usual.dispersion == pytest.approx(4 * 56 / stats.chi2.ppf(0.1, 49), rel=0.02)


def test_weekdays_have_their_own_level() -> None:
    week = [100.0, 100, 100, 100, 100, 20, 20]
    usual = Usual.of(steady(week * 8))
    expected = usual.expect(steady(week))
    assert expected == pytest.approx(week, rel=0.05)  # drawn to 1 as by ten counts
    assert lasting(np.array([*week * 8, *week[:6]])) is None


@pytest.mark.parametrize("length", [1, 2, 17, 40, 200])
def test_what_stopped_is_found_for_as_long_as_it_lasts(length: int) -> None:
    counts = np.array([30.0] * 60 + [0.0] * length)
    found = lasting(counts)
    assert found is not None
    assert (found.since, found.until) == (days(61)[60], days(60 + length)[-1])
    assert (found.days, found.seen) == (length, 0)
    assert found.expected == pytest.approx(30 * length)


def test_the_probability_is_multiplied_by_what_was_looked_at() -> None:
    # 61 days have stretches of 1 to 28, of 32 and of 33 days, in two metrics; the first says it.
    found = lasting(np.array([9.0] * 60 + [0.0]), level=0.05, metrics=2)
    assert found is not None
    assert found.probability == pytest.approx(60 * (56 / 57) ** (9 * 56), rel=0.02)


def test_what_came_back_is_no_finding() -> None:
    assert lasting(np.array([30.0] * 60 + [0.0] * 10)) is not None
    assert lasting(np.array([30.0] * 60 + [0.0] * 10 + [30.0])) is None


def test_a_fall_by_less_than_half_is_none() -> None:
    assert lasting(np.array([1000.0] * 60 + [510.0] * 9)) is None
    assert lasting(np.array([1000.0] * 60 + [490.0] * 9)) is not None


def test_days_that_are_not_judged_are_in_no_stretch() -> None:
    counts = np.array([30.0] * 60 + [0.0] * 10)
    counts[60:] = np.nan
    assert lasting(counts) is None
    rows = np.array([100.0] * 60 + [0.0] * 10)  # no row could have counted
    assert lasting(np.array([30.0] * 60 + [0.0] * 10), rows) is None


def test_four_weeks_have_to_come_before() -> None:
    assert lasting(np.array([30.0] * 27 + [0.0])) is None
    assert lasting(np.array([30.0] * 28 + [0.0])) is not None


def test_a_burst_does_not_become_the_usual() -> None:
    counts = np.random.default_rng(0).poisson(3, 80).astype(float)
    counts[40:44] = 300
    assert lasting(counts) is None


def of_rate(mean: float, rows: int) -> History:
    def draw(random: np.random.Generator, count: int) -> tuple[Floats, Floats | None]:
        return random.binomial(rows, mean / rows, count).astype(float), np.full(count, float(rows))

    return draw


def of_counts(mean: float) -> History:
    return lambda random, count: (random.poisson(mean, count).astype(float), None)


def of_weeks(mean: float, dispersion: float) -> History:
    """Draw counts with a weekend whose variance is so many times their mean."""
    level = mean * np.array([1.1, 1.1, 1.1, 1.2, 1.4, 0.6, 0.5])

    def draw(random: np.random.Generator, count: int) -> tuple[Floats, Floats | None]:
        number = level[np.arange(count) % 7] / (dispersion - 1)
        return random.negative_binomial(number, 1 / dispersion).astype(float), None

    return draw


QUIET: dict[str, History] = {
    "3 frauds a day of 600": of_rate(3, 600),
    "3 a day": of_counts(3),
    "one every third day": of_counts(0.33),
    "20 a day, variance 6 times that of chance, weekends": of_weeks(20, 6),
    "2,000 a day, variance 60 times that of chance, weekends": of_weeks(2000, 60),
    "98 of 100": of_rate(98, 100),
}


@pytest.mark.parametrize("kind", QUIET)
def test_quiet_histories_give_no_more_findings_than_the_level_allows(kind: str) -> None:
    random = np.random.default_rng(7)
    findings = {"lasting": 0, "silent": 0}
    histories = 150
    for _ in range(histories):
        counts, rows = QUIET[kind](random, 100)
        findings["lasting"] += lasting(counts, rows, level=LEVEL) is not None
        if rows is not None:
            findings["silent"] += bool(find_silent_runs(days(100), counts, rows, level=LEVEL))
    # So many or more have a probability of 1 in 1,000 at the level.
    assert max(findings.values()) <= stats.binom.ppf(0.999, histories, LEVEL)


FALLS = {
    # what, share that remains, the latest day of ten histories at which it is found
    "3 reports a day stop": (of_rate(3, 600), 0.0, 6),
    "30 reports a day stop": (of_rate(30, 6_000), 0.0, 1),
    "a column that 98 of 100 rows have becomes empty": (of_rate(98, 100), 0.0, 1),
    "30 a day fall to a fifth": (of_counts(30), 0.2, 2),
    "3 a day fall to a fifth": (of_counts(3), 0.2, 20),
    "20 a day with weekends and bursts stop": (of_weeks(20, 6), 0.0, 16),
}


@pytest.mark.parametrize("fall", FALLS)
def test_a_fall_is_found_after_some_days_and_then_on_every_day(fall: str) -> None:
    draw, share, latest = FALLS[fall]
    for seed in range(10):
        random = np.random.default_rng(seed)
        counts, rows = draw(random, 120)
        counts[84:] = random.binomial(counts[84:].astype(int), share)
        for length in (latest, 35) if share else (latest, latest + 1, latest + 5, 35):
            known = None if rows is None else rows[: 84 + length]
            found = lasting(counts[: 84 + length], known, metrics=3)
            assert found is not None, (fall, seed, length)


def test_runs_without_any_count_are_found_wherever_they_are() -> None:
    counts, rows = np.full(60, 3.0), np.full(60, 600.0)
    counts[20:30] = counts[50:58] = 0
    counts[40] = 0
    found = find_silent_runs(days(60), counts, rows, level=0.001)
    assert [(run.since, run.until, run.days) for run in found] == [
        ("2025-01-21", "2025-01-30", 10),
        ("2025-02-20", "2025-02-27", 8),
    ]
    # 20 days of 3 before the first run, and 22 behind it without the other: one has none.
    assert found[0].expected == pytest.approx(10 * 3 * 41 / 42, rel=0.01)


def test_a_stretch_in_words() -> None:
    one = Stretch("2025-03-22", "2025-03-22", 1, 0, 9.87, 0.00021)
    assert str(one) == (
        "0 on 2025-03-22, where 9.9 were expected (by chance alone with a probability of "
        "at most 0.0002)"
    )
    many = Stretch("2025-03-06", "2025-03-22", 17, 12, 1190.4, 1e-80)
    assert str(many) == (
        "12 in the 17 days from 2025-03-06 to 2025-03-22, where 1,190 were expected (by chance "
        "alone with a probability below 1e-12)"
    )
