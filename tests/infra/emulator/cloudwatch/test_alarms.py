"""States of alarms, and the statistics behind them."""

import numpy as np
import pytest

from infra.emulator.cloudwatch.alarms import find_state
from infra.emulator.cloudwatch.series import Series, Step, read_statistic

KINDS = ("missing", "ignore", "breaching", "notBreaching")

# The two tables of the CloudWatch guide, "Configuring how alarms treat missing data": five data
# points, oldest first; then the state for each treatment, with the state before as RETAIN.
ALL_OF_3 = {
    "0-X-X": ("OK", "OK", "OK", "OK"),
    "----0": ("OK", "OK", "OK", "OK"),
    "-----": ("INSUFFICIENT_DATA", "RETAIN", "ALARM", "OK"),
    "0XX-X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "--X--": ("ALARM", "RETAIN", "ALARM", "OK"),
}
TWO_OF_3 = {
    "0-X-X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "00X0X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0-X--": ("OK", "OK", "ALARM", "OK"),
    "----0": ("OK", "OK", "ALARM", "OK"),
    "---X-": ("ALARM", "RETAIN", "ALARM", "OK"),
}


@pytest.mark.parametrize(
    ("needed", "points", "states"),
    [(3, *row) for row in ALL_OF_3.items()] + [(2, *row) for row in TWO_OF_3.items()],
)
def test_missing_data_is_judged_as_the_tables_of_the_guide_say(needed, points, states):
    newest_first = [{"0": False, "X": True, "-": None}[point] for point in reversed(points)]
    judged = [
        find_state(newest_first, periods=3, needed=needed, missing=kind, state="RETAIN")
        for kind in KINDS
    ]
    assert tuple(judged) == states


@pytest.mark.parametrize("percent", [1, 50, 90, 99, 99.9, 100])
def test_a_percentile_is_the_one_of_nearest_rank(percent):
    values = np.random.default_rng(7).lognormal(size=501)
    step = Step(0.0)
    for value in values:
        step.add(float(value))
    expected = np.percentile(values, percent, method="inverted_cdf")
    assert read_statistic(step, f"p{percent}") == expected


def test_the_statistics_of_a_stretch_are_those_of_its_values():
    step = Step(0.0)
    for value, times in ((2.0, 3), (8.0, 1)):
        step.add(value, times)
    statistics = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
    assert [read_statistic(step, name) for name in statistics] == [4, 14, 3.5, 2, 8]


def test_periods_hold_what_came_within_them_and_none_where_nothing_came():
    series = Series(0.1)
    for time, value in ((100.0, 1.0), (101.0, 2.0), (101.5, 3.0), (107.0, 4.0)):
        series.add(value, time=time)
    found = series.periods(end=108.0, seconds=2.0, count=5)
    # (106, 108], (104, 106], (102, 104], (100, 102], (98, 100]
    assert [None if p is None else p.total for p in found] == [4.0, None, None, 5.0, 1.0]
