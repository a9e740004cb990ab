"""The kernel against the definition: by hand, and against brute force on any history."""

import math
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from feature_jobs.declaration.features import Window
from tests.feature_jobs.histories import (
    DELAYED_LABELS,
    EVERY_WINDOW,
    by_id,
    compute_link_features,
    compute_split,
    compute_whole,
    feature_group_of,
    group,
    histories,
    hours,
    links,
    table,
)
from tests.feature_jobs.oracle import Row, link_values, window_values

EXACT = {"count", "min", "max", "last", "distinct", "time_since_last"}


def plain(number: int, at: float, amount: float | None = 0.0, **changes: object) -> Row:
    row = {"known": hours(at)} | changes
    return Row(transaction_id=number, event=hours(at), amount=amount, **row)  # type: ignore[arg-type]


def values(rows: list[Row], windows: list[Window]) -> list[float | None]:
    (window,) = windows
    found = by_id(compute_whole(rows, windows), window.name)
    return [found[row.transaction_id] for row in rows if row.is_first]


def agree(found: float | None, expected: float | None, window: Window) -> bool:
    if found is None or expected is None:
        return found is expected
    if window.statistic in EXACT or math.isinf(expected):
        return found == expected
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=0.0)


def compare(rows: list[Row], features: pa.Table, windows: list[Window]) -> None:
    for window in windows:
        found = by_id(features, window.name)
        firsts = [row for row in rows if row.is_first]
        for row, expected in zip(firsts, window_values(rows, window), strict=True):
            got = found[row.transaction_id]
            assert agree(got, expected, window), (window, row, got, expected)


def test_a_window_is_open_at_its_start_and_closed_at_its_end() -> None:
    rows = [plain(1, 0, 10), plain(2, 1, 20), plain(3, 2, 30)]
    assert values(rows, group("amount", "sum", windows=(2,))) == [10, 30, 50]


def test_of_two_rows_at_one_time_only_the_second_sees_the_other() -> None:
    rows = [plain(1, 1, 10), plain(2, 1, 20)]
    assert values(rows, group("amount", "sum", windows=(1,))) == [10, 30]
    assert values(rows, group("amount", "prior_sum", windows=(1,))) == [0, 10]


def test_a_late_row_sees_itself_and_is_not_seen_before_it_arrived() -> None:
    rows = [plain(1, 0, 10, known=hours(2)), plain(2, 1, 20), plain(3, 2, 40), plain(4, 3, 80)]
    assert values(rows, group("amount", "sum", windows=(10,))) == [10, 20, 70, 150]


def test_a_delayed_window_ends_the_delay_before_the_row() -> None:
    rows = [plain(1, 0, 10), plain(2, 1, 20), plain(3, 3, 40), plain(4, 4, 80)]
    # (t - 3 h, t - 2 h]: at 3 h the row at 1 h; at 4 h none, for 1 h is just too old
    assert values(rows, group("amount", "sum", windows=(1,), delay=2)) == [0, 0, 20, 0]


def test_a_fraud_counts_from_its_report_on_and_never_its_own_row() -> None:
    rows = [plain(1, 0, labels=((hours(2), 1),)), plain(2, 1), plain(3, 2), plain(4, 5)]
    assert values(rows, group("is_fraud", "count", windows=(4,))) == [0, 0, 1, 0]


def test_a_label_that_is_taken_back_counts_until_then() -> None:
    rows = [plain(1, 0, labels=((hours(1), 1), (hours(3), 0))), *(plain(n, n) for n in (1, 2, 3))]
    rows[1] = plain(5, 1)
    assert values(rows, group("is_fraud", "count", windows=(9,))) == [0, 1, 1, 0]
    since = group("is_fraud", "time_since_last", windows=(9,))
    assert values(rows, since) == [None, 3600, 7200, None]


def test_a_fraud_rate_is_zero_where_there_was_no_transaction() -> None:
    rows = [plain(1, 0, labels=((hours(1), 1),)), plain(2, 1), plain(3, 2)]
    # 1 h delay, 2 h window: (t - 3 h, t - 1 h]
    assert values(rows, group("is_fraud", "rate", windows=(2,), delay=1)) == [0, 1, 0.5]


def test_nothing_before_it_gives_zero_or_null() -> None:
    (row,) = rows = [plain(1, 0, 5.0)]
    given_ = {w.statistic: by_id(compute_whole(rows, [w]), w.name)[row.transaction_id] for w in [
        *group("amount", *(f"prior_{a}" for a in ("count", "sum", "mean", "std", "min", "max"))),
        *group("amount", "prior_last", "prior_distinct"), *group(None, "time_since_last"),
        *group("large", "prior_share"), *group("is_fraud", "rate")]}  # fmt: skip
    assert given_ == {
        "count": 0, "sum": 0, "mean": None, "std": None, "min": None, "max": None, "last": None,
        "distinct": 0, "time_since_last": None, "share": None, "rate": 0,
    }  # fmt: skip


def test_a_missing_amount_does_not_count() -> None:
    rows = [plain(1, 0, None), plain(2, 1, 5), plain(3, 2, math.nan)]
    assert values(rows, group("amount", "mean", windows=(9,))) == [None, 5, 5]
    assert values(rows, group(None, "count", windows=(9,))) == [1, 2, 3]


def test_an_infinite_amount_is_one_while_it_is_in_the_window() -> None:
    rows = [plain(1, 0, 1.5), plain(2, 1, math.inf), plain(3, 2, -math.inf), plain(4, 4, 2.0)]
    assert values(rows, group("amount", "sum", windows=(2.5,))) == [1.5, math.inf, None, -math.inf]
    assert values(rows, group("amount", "std", windows=(9,))) == [None, None, None, None]
    assert values(rows, group("amount", "sum", windows=(1,))) == [1.5, math.inf, -math.inf, 2.0]


def test_what_has_left_a_window_leaves_no_rounding_behind() -> None:
    rows = [plain(1, 0, 1e15), plain(2, 1, 0.1), plain(3, 3, 0.2)]
    assert values(rows, group("amount", "sum", windows=(3,)))[2] == 0.1 + 0.2


def test_equal_amounts_have_no_spread() -> None:
    rows = [plain(n, n, 0.1) for n in range(1, 6)]
    assert values(rows, group("amount", "std", windows=(9,))) == [None, 0, 0, 0, 0]


def test_a_median_is_the_middle_value_or_the_mean_of_the_two() -> None:
    rows = [plain(1, 0, 9), plain(2, 1, 1), plain(3, 2, 5), plain(4, 3, None), plain(5, 4, 2)]
    assert values(rows, group("amount", "median", windows=(9,))) == [9, 5, 5, 5, 3.5]
    assert values(rows, group("amount", "prior_median", windows=(9,))) == [None, 9, 5, 5, 5]
    # (t - 2 h, t]: 9; 9 1; 1 5; 5; 2
    assert values(rows, group("amount", "median", windows=(2,))) == [9, 5, 3, 5, 2]


def test_a_median_of_any_many_values_is_that_of_numpy() -> None:
    chance = np.random.default_rng(3)
    amounts = np.round(chance.normal(0, 5, 300), 1)  # many are equal
    rows = [plain(n, n / 4, float(amount)) for n, amount in enumerate(amounts)]
    windows = group("amount", "median", windows=(20,))
    expected = [float(np.median(amounts[max(0, n - 79) : n + 1])) for n in range(300)]
    assert values(rows, windows) == expected


def test_a_year_and_a_second_are_windows_like_others() -> None:
    year = 365 * 24
    rows = [plain(1, 0, 1.0), plain(2, year - 1, 2.0), plain(3, year, 4.0), plain(4, year + 1, 8.0)]
    assert values(rows, group("amount", "sum", windows=(year,))) == [1, 3, 6, 14]
    assert values(rows, group("amount", "sum", windows=(1 / 3600,))) == [1, 2, 4, 8]


def test_rows_before_the_wanted_ones_are_remembered_and_not_answered() -> None:
    from feature_jobs.stages.histories import compute_windows

    rows = [plain(1, 0, 10), plain(2, 1, 20), plain(3, 2, 30)]
    windows = group("amount", "sum", windows=(2,))
    found = compute_windows(table(rows, since=hours(1)), feature_group_of(windows))
    assert by_id(found, windows[0].name) == {2: 30, 3: 50}


def test_neighbours_are_those_who_used_what_the_customer_used() -> None:
    rows = [
        plain(1, 0, entity=1, device=7),
        plain(2, 1, entity=2, device=7, labels=((hours(3), 1),)),
        plain(3, 2, entity=2, device=8, labels=((hours(4), 1),)),
        plain(4, 3, entity=3, device=8),
        plain(5, 4, entity=1, device=9),
    ]
    features = compute_link_features(rows, links(max_degree=5, windows=(9,)))
    assert by_id(features, "card_device_neighbours_9h") == {1: 0, 2: 1, 3: 1, 4: 1, 5: 1}
    # Card 3 meets card 2 over device 8; card 1 met it over device 7, both frauds are known at 4 h.
    assert by_id(features, "card_device_neighbour_frauds_9h") == {1: 0, 2: 0, 3: 0, 4: 1, 5: 2}


def test_what_too_many_share_links_nobody() -> None:
    rows = [plain(n, n, entity=n, device=7) for n in range(1, 5)]
    features = compute_link_features(rows, links(max_degree=3, windows=(9,)))
    assert by_id(features, "card_device_neighbours_9h") == {1: 0, 2: 1, 3: 2, 4: 0}


@given(histories())
@settings(max_examples=200, deadline=None)
def test_every_aggregate_equals_the_definition_on_any_history(rows: list[Row]) -> None:
    compare(rows, compute_whole(rows, EVERY_WINDOW), EVERY_WINDOW)
    compare(rows, compute_whole(rows, DELAYED_LABELS), DELAYED_LABELS)


@given(histories(), st.lists(st.integers(1, 39), min_size=1, max_size=4, unique=True))
@example([plain(n, n / 2, 1e15 if n % 3 else 0.1) for n in range(1, 30)], [9, 20])
@settings(max_examples=200, deadline=None)
def test_a_history_split_in_time_gives_the_bits_of_the_whole(
    rows: list[Row], splits: list[int]
) -> None:
    borders = [hours(at / 2) for at in sorted(splits)]
    for windows in (EVERY_WINDOW, DELAYED_LABELS):
        whole, split = (
            features.sort_by("transaction_id")
            for features in (compute_whole(rows, windows), compute_split(rows, windows, borders))
        )
        assert split.equals(whole)


@given(histories(entities=5, max_size=30), st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_links_equal_the_definition_on_any_history(rows: list[Row], max_degree: int) -> None:
    declared = links(max_degree=max_degree)
    features = compute_link_features(rows, declared)
    for link in declared.expand():
        ids = [row.transaction_id for row in rows if row.is_first]
        expected = dict(zip(ids, link_values(rows, link), strict=True))
        assert by_id(features, link.name) == expected, link


@pytest.mark.parametrize(
    "name", ["card_amount_mean_2h", "card_fraud_rate_4h", "card_device_distinct_1h"]
)
def test_names_say_entity_measure_aggregate_and_window(name: str) -> None:
    assert name in {window.name for window in EVERY_WINDOW}


def test_the_oracle_itself_knows_a_delay_from_a_report() -> None:
    rows = [plain(1, 0, labels=((hours(1), 1),)), plain(2, 2)]
    (window,) = group("is_fraud", "count", windows=(9,), delay=3)
    assert window_values(rows, window) == [0, 0]
    assert window.window_plus_delay == timedelta(hours=12)
