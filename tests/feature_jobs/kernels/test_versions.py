"""Versions of a row by hand: what a correction or a withdrawal changes, and from when on."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.feature_jobs.corrections import versions_of
from tests.feature_jobs.histories import (
    amounts,
    by_id,
    compute_link_features,
    compute_split,
    group,
    hours,
    links,
)
from tests.feature_jobs.kernels.test_windows import plain, values
from tests.feature_jobs.oracle import Row, holds, window_values


def corrected(first: Row, at: float, **changes: object) -> list[Row]:
    """A row and the version that replaces it; event times in hours."""
    if "event" in changes:
        changes["event"] = hours(float(str(changes["event"])))
    later = replace(first, known=hours(at), is_first=False, **changes)  # type: ignore[arg-type]
    return [replace(first, replaced=hours(at)), later]


def withdrawn(first: Row, at: float) -> list[Row]:
    return corrected(first, at, replaced=hours(at))


def probes(*at: float) -> list[Row]:
    """Rows that look, of no amount."""
    return [plain(100 + n, hour, None) for n, hour in enumerate(at)]


def test_a_corrected_amount_counts_from_when_it_is_known() -> None:
    rows = [*corrected(plain(1, 0, 10.0), 2, amount=4.0), *probes(1, 1.9, 2, 3)]
    for aggregate in ("sum", "mean", "min", "max", "last", "median"):
        assert values(rows, group("amount", aggregate, windows=(9,))) == [10, 10, 10, 4, 4]
    assert values(rows, group("amount", "count", windows=(9,))) == [1] * 5
    assert values(rows, group("amount", "distinct", windows=(9,))) == [1] * 5


def test_a_withdrawn_row_counts_until_then_and_a_reinstated_one_again() -> None:
    first, withdrawal = withdrawn(plain(1, 0, 7.0), 2)
    again = replace(withdrawal, known=hours(4), replaced=None)
    rows = [first, withdrawal, again, plain(2, 0.5, 5.0), *probes(1, 2, 3, 4)]
    assert values(rows, group("amount", "sum", windows=(9,))) == [7, 12, 12, 5, 5, 12]
    assert values(rows, group("amount", "max", windows=(9,))) == [7, 7, 7, 5, 5, 7]
    assert values(rows, group("amount", "median", windows=(9,))) == [7, 6, 6, 5, 5, 6]
    assert values(rows, group("amount", "std", windows=(9,)))[2:] == [
        pytest.approx(2**0.5), None, None, pytest.approx(2**0.5),
    ]  # fmt: skip
    assert values(rows, group(None, "count", windows=(9,))) == [1, 2, 3, 3, 4, 6]


def test_the_last_row_is_the_one_before_when_it_is_withdrawn() -> None:
    rows = [plain(1, 0, 3.0), *withdrawn(plain(2, 1, 5.0), 3), *probes(2, 3)]
    assert values(rows, group("amount", "last", windows=(9,))) == [3, 5, 5, 3]
    ages = [plain(1, 0), *withdrawn(plain(2, 1), 3), plain(3, 3)]
    assert values(ages, group(None, "time_since_last", windows=(9,))) == [None, 3600, 3 * 3600]
    ages = [*withdrawn(plain(1, 0), 3), plain(2, 1), plain(3, 3)]
    assert values(ages, group(None, "time_since_first", windows=(9,))) == [None, 3600, 2 * 3600]


def test_a_corrected_key_moves_the_row_to_the_other_history() -> None:
    rows = [
        *corrected(plain(1, 0, 10.0), 2, entity=2),
        *probes(1, 3),
        plain(3, 1, None, entity=2),
        plain(4, 3, None, entity=2),
    ]
    assert values(rows, group("amount", "sum", windows=(9,))) == [10, 10, 0, 0, 10]


def test_a_moved_event_time_decides_whether_a_row_is_in_the_window() -> None:
    # (t - 3 h, t]: the row of 0 h leaves at 3 h, as one of 2 h it stays until 5 h.
    rows = [*corrected(plain(1, 0, 10.0), 2.5, event=2), *probes(2, 2.5, 4.5, 5)]
    assert values(rows, group("amount", "sum", windows=(3,))) == [10, 10, 10, 10, 0]
    # As one of 0 h it has left when the correction is known.
    rows = [*corrected(plain(1, 2, 10.0), 3.5, event=0), *probes(3, 4)]
    assert values(rows, group("amount", "sum", windows=(3,))) == [10, 10, 0]


def test_a_version_that_is_replaced_before_its_delay_has_passed_never_counts() -> None:
    rows = [*corrected(plain(1, 0, 10.0), 1, amount=4.0), *probes(1, 2, 3)]
    assert values(rows, group("amount", "sum", windows=(9,), delay=2)) == [0, 0, 4, 4]
    rows = [*corrected(plain(1, 0, 10.0), 2, amount=4.0), *probes(1, 2, 3)]
    assert values(rows, group("amount", "sum", windows=(9,), delay=2)) == [0, 0, 4, 4]


def test_a_version_known_when_it_happened_is_seen_by_later_rows_of_that_time_only() -> None:
    rows = [*corrected(plain(5, 0, 10.0), 2, event=2), plain(4, 2, None), plain(6, 2, None)]
    assert values(rows, group("amount", "sum", windows=(9,))) == [10, 0, 10]


def test_a_fraud_moves_with_its_transaction() -> None:
    fraud = plain(1, 0, labels=((hours(1), 1),))
    rows = [*corrected(fraud, 2, entity=2), *probes(1, 2), plain(9, 3, entity=2)]
    assert values(rows, group("is_fraud", "count", windows=(9,))) == [0, 1, 0, 1]
    rows = [*withdrawn(fraud, 2), *probes(1, 2)]
    assert values(rows, group("is_fraud", "count", windows=(9,))) == [0, 1, 0]
    # The row of 1 h is 1 h old when the row of 2 h looks.
    ages = group("is_fraud", "time_since_last", windows=(9,))
    assert values(rows, ages) == [None, 3600, None]
    rows = [*corrected(fraud, 2, event=1.5), *probes(1, 2)]
    assert values(rows, ages) == [None, 3600, 1800]


def test_a_fraud_known_before_its_late_transaction_counts_as_one_of_the_first_version() -> None:
    late = plain(1, 0, labels=((hours(1), 1),), known=hours(3))
    rows = [*corrected(late, 4, entity=2), *probes(2, 3.5, 4), plain(9, 5, entity=2)]
    assert values(rows, group("is_fraud", "count", windows=(9,))) == [0, 1, 1, 0, 1]


def test_a_withdrawn_row_is_no_legitimate_one() -> None:
    rows = [plain(1, 0), *withdrawn(plain(2, 1), 3), *probes(2, 3)]
    ages = group("is_genuine", "time_since_last", windows=(9,), delay=0)
    # The probe of 2 h is itself what the one of 3 h has seen last.
    assert values(rows, ages) == [None, 3600, 3600, 3600]
    rows = [plain(1, 0), *withdrawn(plain(2, 1), 3), plain(3, 3)]
    assert values(rows, ages) == [None, 3600, 3 * 3600]


def test_a_withdrawn_row_links_nobody_any_more() -> None:
    rows = [
        *withdrawn(plain(1, 0, entity=1, device=7, labels=((hours(1), 1),)), 3),
        plain(2, 2, entity=2, device=7),
        plain(3, 3, entity=2, device=7),
        plain(4, 4, entity=1, device=7),
    ]
    features = compute_link_features(rows, links(max_degree=5, windows=(9,)))
    assert by_id(features, "card_device_neighbours_9h") == {1: 0, 2: 1, 3: 0, 4: 1}
    assert by_id(features, "card_device_neighbour_frauds_9h") == {1: 0, 2: 1, 3: 0, 4: 0}


@pytest.mark.parametrize("withdrawal", [2, 6])
def test_a_slice_counts_what_is_withdrawn_before_it_or_in_it_as_the_whole_history_does(
    withdrawal: float,
) -> None:
    rows = [*withdrawn(plain(1, 0, 7.0), withdrawal), plain(2, 1, 5.0), *probes(5, 8)]
    aggregates = ("sum", "max", "last", "median", "distinct", "count")
    windows = group("amount", *aggregates, windows=(99,))
    features = compute_split(rows, windows, [hours(4)])
    seen = {5: [5, 5, 5, 5, 1, 1], 12: [12, 7, 5, 6, 2, 2]}
    for probe, total in ((100, 5 if withdrawal == 2 else 12), (101, 5)):
        found = [by_id(features, window.name)[probe] for window in windows]
        assert found == seen[total], probe


@given(
    st.integers(0, 10).flatmap(
        lambda late: versions_of(
            Row(1, hours(5), hours(5 + late / 2), amount=1.0), entities=2, amounts=amounts
        )
    )
)
@settings(max_examples=300, deadline=None)
def test_no_row_sees_another_version_of_itself(versions: list[Row]) -> None:
    first = versions[0]
    assert not any(holds(version, first) for version in versions[1:])
    for aggregate in ("count", "prior_count"):
        windows = group(None, aggregate, windows=(99,))
        assert values(versions, windows) == [0 if aggregate == "prior_count" else 1]
        assert window_values(versions, windows[0]) == values(versions, windows)
