import math

import pytest

from infra.serving.telemetry.drift import (
    missing_excess,
    population_stability_index,
    rate_factor,
    wilson_interval,
)


def test_the_stability_index_is_the_sum_over_bins():
    # (0.6 - 0.5) ln(0.6 / 0.5) + (0.4 - 0.5) ln(0.4 / 0.5) = 0.1 ln 1.5
    assert population_stability_index([60, 40], [0.5, 0.5]) == pytest.approx(0.1 * math.log(1.5))
    assert population_stability_index([50, 50], [0.5, 0.5]) == 0


def test_an_empty_bin_gives_a_finite_index():
    # The empty bin counts as 0.0001: (0.0001 - 0.5) ln(0.0002) + (1 - 0.5) ln 2
    expected = (0.0001 - 0.5) * math.log(0.0002) + 0.5 * math.log(2)
    assert population_stability_index([0, 10], [0.5, 0.5]) == pytest.approx(expected)


def test_wilsons_interval_at_three_standard_deviations():
    # n = 100, p = 0.1, z = 3: centre (10 + 4.5) / 109, spread 3 / 109 * sqrt(9 + 2.25)
    low, high = wilson_interval(10, 100)
    assert low == pytest.approx(14.5 / 109 - 3 / 109 * math.sqrt(11.25))
    assert high == pytest.approx(14.5 / 109 + 3 / 109 * math.sqrt(11.25))


def test_the_factor_is_1_as_long_as_chance_explains_the_rate():
    assert rate_factor(10, 1_000, reference=0.01) == 1.0
    assert rate_factor(0, 200, reference=0.01) == 1.0


def test_the_factor_says_by_how_much_a_rate_is_surely_higher_or_lower():
    low, high = wilson_interval(100, 1_000)
    assert rate_factor(100, 1_000, reference=0.01) == pytest.approx(low / 0.01)
    assert rate_factor(100, 1_000, reference=0.5) == pytest.approx(0.5 / high)
    # No alert in 10,000 rows: the upper end is 9 / 10,009.
    assert rate_factor(0, 10_000, reference=0.01) == pytest.approx(0.01 / (9 / 10_009))


def test_a_reference_without_alerts_still_gives_a_finite_factor():
    assert rate_factor(0, 1_000, reference=0.0) == 1.0
    low, _ = wilson_interval(500, 1_000)
    assert rate_factor(500, 1_000, reference=0.0) == pytest.approx(low / 0.0005)


def test_the_largest_sure_excess_of_missing_values_counts():
    low, _ = wilson_interval(400, 1_000)
    assert missing_excess([0, 400, 110], 1_000, reference=[0.5, 0.1, 0.1]) == pytest.approx(
        low - 0.1
    )
    assert missing_excess([0, 10], 1_000, reference=[0.5, 0.01]) == 0.0
    assert missing_excess([], 1_000, reference=[]) == 0.0
