"""Conformance of the registry of aggregates: what every entry has to fulfil."""

import math
from datetime import timedelta
from itertools import product

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_jobs.declaration.aggregates import AGGREGATES, Aggregate
from feature_jobs.declaration.checks import Columns, validate_features
from feature_jobs.declaration.descriptions import describe_features
from feature_jobs.declaration.features import Condition, FeatureSet, Window, WindowGroup
from feature_jobs.declaration.schema import feature_columns
from tests.feature_jobs.histories import (
    by_id,
    compute_split,
    compute_whole,
    group,
    histories,
    hours,
)
from tests.feature_jobs.oracle import Row, window_values

MEASURES = {
    "transactions": None,
    "number": "amount",
    "category": "device_id",
    "condition": "large",
    "label": "is_fraud",
    "legitimate": "is_genuine",
}
COLUMNS = Columns(entities=("card_id",), numeric=("amount",), categorical=("device_id",))
CASES = [(each, subject) for each in AGGREGATES.values() for subject in sorted(each.subjects)]
every_entry = pytest.mark.parametrize(
    ("aggregate", "subject"), CASES, ids=[f"{each.name}-{subject}" for each, subject in CASES]
)
few = settings(max_examples=25, deadline=None)


def variants(aggregate: Aggregate, subject: str, *, delay: float | None) -> list[Window]:
    """Every way to declare it: with and without the row, and of rows that meet a condition."""
    names = [aggregate.name]
    if not aggregate.excludes_current and subject not in {"label", "legitimate"}:
        names.append(f"prior_{aggregate.name}")
    windows = group(MEASURES[subject], *names, windows=(1.5, 9), delay=delay)
    if aggregate.takes_condition and subject in {"number", "label"}:
        windows += group(MEASURES[subject], *names, windows=(6,), delay=delay, where="large")
    return windows


def declared(aggregate: str, subject: str) -> FeatureSet:
    windows = WindowGroup(
        entity="card_id",
        measure=MEASURES[subject],
        aggregates=(aggregate,),
        windows=(timedelta(hours=9),),
        delay=timedelta(hours=2) if subject == "legitimate" else None,
    )
    return FeatureSet(conditions=(Condition(name="large", sql="amount > 1"),), windows=(windows,))


def sets_of(aggregate: Aggregate, subject: str) -> list[list[Window]]:
    """Windows that are computed together; a label's name does not tell its delay."""
    delays = (0, 2.5) if subject == "legitimate" else (None, 2.5)
    return [variants(aggregate, subject, delay=delay) for delay in delays]


def same(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return found == expected or math.isclose(found, expected, rel_tol=1e-9)


@every_entry
@few
@given(rows=histories())
def test_it_equals_its_definition_on_any_history(
    aggregate: Aggregate, subject: str, rows: list[Row]
) -> None:
    for windows in sets_of(aggregate, subject):
        features = compute_whole(rows, windows)
        for window in windows:
            found = by_id(features, window.name)
            firsts = [row for row in rows if row.is_first]
            for row, expected in zip(firsts, window_values(rows, window), strict=True):
                got = found[row.transaction_id]
                assert same(got, expected), (window, row, got, expected)


@every_entry
@few
@given(rows=histories(), borders=st.lists(st.integers(1, 39), min_size=1, max_size=4, unique=True))
def test_a_skewed_key_in_slices_gives_the_bits_of_the_whole(
    aggregate: Aggregate, subject: str, rows: list[Row], borders: list[int]
) -> None:
    for windows in sets_of(aggregate, subject):
        whole = compute_whole(rows, windows).sort_by("transaction_id")
        split = compute_split(rows, windows, [hours(at / 2) for at in sorted(borders)])
        assert split.sort_by("transaction_id").equals(whole)


@every_entry
@few
@given(rows=histories(), chance=st.randoms(use_true_random=False))
def test_the_order_in_which_rows_come_changes_no_bit(
    aggregate: Aggregate, subject: str, rows: list[Row], chance: object
) -> None:
    mixed = list(rows)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    for windows in sets_of(aggregate, subject):
        one, other = (compute_whole(each, windows) for each in (rows, mixed))
        assert other.sort_by("transaction_id").equals(one.sort_by("transaction_id"))


@every_entry
@few
@given(rows=histories())
def test_type_and_bounds_are_those_of_its_column(
    aggregate: Aggregate, subject: str, rows: list[Row]
) -> None:
    features = declared(aggregate.name, subject)
    (column,), (window,) = feature_columns(features), features.expand()
    found = compute_whole(rows, [window])[window.name]
    assert found.type == (pa.int64() if column.kind == "count" else pa.float64())
    values = [value for value in found.to_pylist() if value is not None]
    assert all(column.minimum is None or value >= column.minimum for value in values)
    assert all(column.maximum is None or value <= column.maximum for value in values)


@every_entry
def test_its_description_says_what_an_empty_window_gives(
    aggregate: Aggregate, subject: str
) -> None:
    # An hour after the first row, two hours of delay leave nothing to see.
    rows = [
        Row(1, hours(0), hours(0), amount=3.0, device=1, labels=((hours(0), 1),)),
        Row(2, hours(1), hours(1), amount=4.0, device=2),
    ]
    features = declared(aggregate.name, subject)
    (window,) = group(MEASURES[subject], aggregate.name, windows=(9,), delay=2)
    found = by_id(compute_whole(rows, [window]), window.name)[2]
    assert found == aggregate.empty_value
    (described,) = describe_features(features)
    says = "null where" if found is None else f"{found:g} where nothing is in the window"
    assert described.null.startswith(says)
    until = "up to 2h before it" if subject == "legitimate" else "up to it"
    assert described.words.endswith(f" of the same card over the 9h {until}")
    assert "{" not in described.words
    assert described.name.startswith("card_")


@pytest.mark.parametrize(("name", "subject"), list(product(AGGREGATES, MEASURES)))
def test_it_may_be_declared_of_its_subjects_and_of_no_other(name: str, subject: str) -> None:
    is_allowed = subject in AGGREGATES[name].subjects
    if subject == "category":  # has a history only with an entity; an entity is one too
        columns = Columns(entities=("card_id", "device_id"), numeric=("amount",))
    else:
        columns = COLUMNS
    found = validate_features(declared(name, subject), columns)
    assert [each for each in found if "is not made of" in each] == ([] if is_allowed else found)
    prior = validate_features(declared(f"prior_{name}", subject), columns)
    leaves_out = AGGREGATES[name].excludes_current or subject in {"label", "legitimate"}
    assert any("always leaves the row" in each for each in prior) == leaves_out


def test_each_entry_stands_under_its_own_name() -> None:
    assert [each.name for each in AGGREGATES.values()] == list(AGGREGATES)
