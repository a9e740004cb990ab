"""Our own expectations, run by Great Expectations."""

from typing import Any

import great_expectations as gx
import numpy as np
import pandas as pd
import pytest

from expectations.trailing_bounds import (
    MAD_TO_DEVIATION,
    ExpectColumnToVary,
    ExpectColumnValuesToFollowTrailingDays,
    trailing_bounds,
)

EASY = {"days": 4, "tolerance": 3.0, "least_change": 0.0, "floor": 0.0}


def run(values: list[float], expectation: Any) -> Any:
    frame = pd.DataFrame({"event_day": [f"d{n}" for n in range(len(values))], "rows": values})
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
    batch = asset.add_batch_definition_whole_dataframe("b").get_batch({"dataframe": frame})
    wanted = {"result_format": "COMPLETE", "unexpected_index_column_names": ["event_day"]}
    return batch.validate(expectation, result_format=wanted)


def follow(values: list[float], **arguments: Any) -> list[str]:
    given = EASY | {"judged": 100} | arguments
    found = run(values, ExpectColumnValuesToFollowTrailingDays(column="rows", **given))
    return [item["event_day"] for item in found.result["unexpected_index_list"]]


def test_bounds_by_hand() -> None:
    # Before the last day: 10, 12, 14, 100: median 13; deviations 3, 1, 1, 87: MAD 2. The 95th
    # percentile lies at 0.85 of the way from 14 to 100.
    low, high = trailing_bounds(pd.Series([10.0, 12, 14, 100, 0]), **EASY)
    reach = 3.0 * 2 * MAD_TO_DEVIATION
    assert (low.iloc[4], high.iloc[4]) == pytest.approx((13 - reach, 14 + 0.85 * 86))
    assert low.iloc[:2].isna().all()  # fewer than half of the days


def test_a_day_far_from_the_days_before_is_unexpected() -> None:
    assert follow([10, 12, 14, 11, 13, 30, 12]) == ["d5"]
    assert follow([10, 12, 14, 11, 13, 1, 12]) == ["d5"]


def test_one_odd_day_does_not_make_the_next_look_odd() -> None:
    assert follow([10, 12, 14, 11, 1000, 12, 13]) == ["d4"]


def test_small_changes_of_a_constant_are_expected_up_to_the_least_change_and_the_floor() -> None:
    assert follow([10, 10, 10, 10, 14]) == ["d4"]
    assert follow([10, 10, 10, 10, 14], least_change=0.5) == []
    assert follow([0, 0, 0, 0, 0.04], floor=0.05) == []
    assert follow([0, 0, 0, 0, 0.06], floor=0.05) == ["d4"]


def test_weekends_are_nothing_new() -> None:
    weeks = [0, 0, 0, 0, 0, 1, 1] * 6
    assert follow(weeks, days=28) == []
    assert follow([*weeks, 2], days=28) == ["d42"]


def test_only_the_newest_days_are_judged() -> None:
    assert follow([10, 12, 14, 11, 100, 12, 13], judged=2) == []
    assert follow([10, 12, 14, 11, 13, 12, 100], judged=1) == ["d6"]


def test_days_without_a_value_are_neither_judged_nor_in_the_way() -> None:
    assert follow([10, np.nan, 12, 14, 11, np.nan, 13, 99]) == ["d7"]


@pytest.mark.parametrize(("high", "met"), [(2.0, True), (1.0, False)])
def test_a_column_that_never_changes(high: float, *, met: bool) -> None:
    frame = pd.DataFrame({"x.min": [1.0, 1.0], "x.max": [1.0, high]})
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
    batch = asset.add_batch_definition_whole_dataframe("b").get_batch({"dataframe": frame})
    assert batch.validate(ExpectColumnToVary(column="x")).success is met
