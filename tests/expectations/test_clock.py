from datetime import UTC, datetime

import numpy as np
import pytest

from expectations.clock import clock_shifts, guess_unit

# Rows by hour of a day with a quiet night and a busy evening.
DAY = np.array(
    [5, 2, 1, 1, 2, 8, 20, 45, 60, 70, 75, 80, 90, 85, 80, 80, 90, 110, 130, 120, 90, 60, 30, 12]
)
EARLIEST, LATEST = (int(datetime(y, 1, 1, tzinfo=UTC).timestamp() * 1e6) for y in (1990, 2027))
NOON = int(datetime(2025, 6, 1, 12, tzinfo=UTC).timestamp())


def days(*shifts: int, scale: int = 4) -> np.ndarray:
    random = np.random.default_rng(3)
    return np.array([random.poisson(np.roll(DAY, s) * scale) for s in shifts], dtype=np.float64)


@pytest.mark.parametrize("shift", [1, 2, 5, -2, -6, 12])
def test_a_day_whose_clock_is_shifted_is_found_with_its_hours(shift: int) -> None:
    found = clock_shifts(days(0, 0, 0, 0, 0, shift), days=28, judged=99)
    assert found.tolist() == [0, 0, 0, 0, 0, shift]


def test_noise_is_no_shift() -> None:
    assert not clock_shifts(days(*[0] * 60), days=28, judged=99).any()
    assert not clock_shifts(days(*[0] * 60, scale=1) // 20, days=28, judged=99).any()


def test_weekends_may_have_hours_of_their_own() -> None:
    weeks = days(*[0, 0, 0, 0, 0, 3, 3] * 5)
    assert clock_shifts(weeks, days=28, judged=7)[-7:].tolist() == [0] * 7


def test_only_the_newest_days_are_judged() -> None:
    found = clock_shifts(days(0, 0, 0, 5, 0, 0), days=28, judged=2)
    assert np.isnan(found[:4]).all()
    assert found[4:].tolist() == [0, 0]


def test_a_day_without_rows_and_a_flat_day_have_no_shift() -> None:
    hours = days(0, 0, 0, 0)
    hours[2], hours[3] = 0, 50
    assert not clock_shifts(hours, days=28, judged=99).any()


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (NOON * 1_000_000, None),
        (NOON, ("seconds", "microseconds")),
        (NOON * 1_000, ("milliseconds", "microseconds")),
        (NOON * 1_000_000 * 1_000, ("milliseconds", "seconds")),
        (NOON * 1_000_000 * 1_000_000, ("microseconds", "seconds")),
        (NOON // 1_000, ("seconds", "nanoseconds")),
        (5, None),
    ],
)
def test_a_wrong_unit_is_named(times: int, expected: tuple[str, str] | None) -> None:
    read = np.array([times] * 3, dtype=np.float64)
    found = guess_unit(read, earliest=EARLIEST, latest=LATEST)
    if times == NOON * 1_000:
        assert found in {expected, ("seconds", "milliseconds")}
    else:
        assert found == expected


def test_nothing_says_nothing() -> None:
    assert guess_unit(np.array([], dtype=np.int64), earliest=EARLIEST, latest=LATEST) is None
