from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from expectations.contract import Contract, InputError, Interval
from expectations.validation import Validated, validate_table

START = datetime(2025, 1, 1, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")
KNOWN = Interval(start=START, end=START + timedelta(days=2))


def transactions(**changed: list[object]) -> pa.Table:
    times = pa.array([START + timedelta(hours=n) for n in range(10)], TIME)
    columns = {
        "transaction_id": list(range(10)),
        "event_time": times,
        "known_time": times,
        "amount": [float(n) for n in range(10)],
        "customer_id": [1] * 10,
    }
    return pa.table(columns | changed)


def check(rows: pa.Table) -> Validated:
    from expectations.suites import build_transaction_suite

    suite = build_transaction_suite(Contract(), entities=["customer_id"], known=KNOWN)
    return validate_table(rows, suite, table="transactions@v1")


def test_rows_in_order_meet_every_expectation() -> None:
    found = check(transactions())
    assert (found.rows, found.findings) == (10, ())
    found.refuse_critical()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"transaction_id": [0, 0, *range(2, 10)]}, "unique of transaction_id"),
        ({"customer_id": [None] + [1] * 9}, "not_be_null of customer_id"),
        ({"amount": [-1.0] * 10}, "between of amount"),
        ({"event_time": pa.array([KNOWN.end] * 10, TIME)}, "between of event_time"),
        ({"event_time": pa.array([START - timedelta(hours=1)] * 10, TIME)}, "of event_time"),
    ],
    ids=["repeated id", "null entity", "negative", "after as_of", "before the first"],
)
def test_a_broken_expectation_stops_with_its_column_and_values(changed, said: str) -> None:
    found = check(transactions(**changed))
    assert len(found.findings) == 1
    with pytest.raises(InputError, match="transactions@v1 does not meet its contract") as caught:
        found.refuse_critical()
    assert said in str(caught.value)


def test_an_absent_column_stops_too() -> None:
    with pytest.raises(InputError, match="amount could not run"):
        check(transactions().drop_columns(["amount"])).refuse_critical()


def test_an_empty_table_is_refused_although_great_expectations_passes_it() -> None:
    with pytest.raises(InputError, match="has no rows to validate"):
        check(transactions().slice(0, 0))


def test_a_missing_or_thin_day_stops() -> None:
    from expectations.suites import build_volume_suite

    suite = build_volume_suite(Contract(min_rows_per_day=5))
    days = pa.table({"rows": [7, 0, 4]})
    found = validate_table(days, suite, table="rows per day")
    assert "2 of 3 rows" in found.findings[0].text


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0] * 10, "mean_to_be_between of is_fraud"),
        ([1] * 10, "mean_to_be_between of is_fraud"),
        ([None, 1] + [0] * 8, "not_be_null of is_fraud"),
    ],
    ids=["no fraud", "all fraud", "unknown label"],
)
def test_a_training_set_needs_known_labels_of_both_classes(labels, said: str) -> None:
    from expectations.suites import build_training_suite

    suite = build_training_suite(Contract(), columns=["amount"])
    rows = pa.table(
        {"amount": [1.0] * 10, "is_fraud": pa.array(labels, pa.int8())}
        | {"transaction_id": list(range(10))}
    )
    found = validate_table(rows, suite, table="training_sets@v1")
    with pytest.raises(InputError, match=said):
        found.refuse_critical()


def test_a_column_without_values_is_reported_and_lets_the_run_pass() -> None:
    from expectations.suites import build_training_suite

    rows = pa.table(
        {
            "transaction_id": list(range(10)),
            "amount": pa.array([None] * 10, pa.float64()),
            "is_fraud": pa.array([1] + [0] * 9, pa.int8()),
        }
    )
    suite = build_training_suite(Contract(max_fraud_rate=0.5), columns=["amount"])
    found = validate_table(rows, suite, table="training_sets@v1")
    assert [finding.severity for finding in found.findings] == ["warning"]
    found.refuse_critical()
