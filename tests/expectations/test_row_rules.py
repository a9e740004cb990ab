from datetime import UTC, datetime, timedelta

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from expectations.policy import Contract
from expectations.row_rules import apply_row_rules

RECEIVED = datetime(2025, 2, 1, tzinfo=UTC)
NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)
GOOD = {
    "transaction_id": 1,
    "event_time": NOON,
    "known_time": NOON,
    "amount": 10.0,
    "customer_id": 7,
}
TYPES = pa.schema(
    [
        ("transaction_id", pa.int64()),
        ("event_time", pa.timestamp("us", tz="UTC")),
        ("known_time", pa.timestamp("us", tz="UTC")),
        ("amount", pa.float64()),
        ("customer_id", pa.int64()),
    ]
)


def judge(*changes):
    listed = [GOOD | {"transaction_id": n} | change for n, change in enumerate(changes)]
    table = pa.Table.from_pylist(listed, schema=TYPES)
    return apply_row_rules(table, Contract(), entities=["customer_id"], received_at=RECEIVED)


def test_rows_that_keep_every_rule_stay():
    assert judge({}, {}).clean.num_rows == 2


def test_each_fault_is_named_by_its_rule():
    late = RECEIVED + timedelta(microseconds=1)
    judged = judge(
        {"transaction_id": None},
        {"event_time": None, "known_time": None},
        {"event_time": late, "known_time": late},
        {"known_time": NOON - timedelta(seconds=1)},
        {"amount": None},
        {"amount": float("nan")},
        {"amount": -0.01},
        {"amount": 1e9},
        {"amount": float("inf")},
        {"customer_id": None},
        {"known_time": None},
    )
    assert judged.quarantined["broken_rules"].to_pylist() == [
        "transaction_id_missing",
        "event_time_missing",
        "event_time_in_future",
        "known_before_event",
        "amount_missing",
        "amount_missing",
        "amount_below_minimum",
        "amount_above_maximum",
        "amount_above_maximum",
        "customer_id_missing",
        "known_time_missing",
    ]


def test_all_rules_that_one_row_broke_are_named():
    judged = judge({"amount": -1.0, "customer_id": None})
    assert judged.quarantined["broken_rules"].to_pylist() == [
        "amount_below_minimum, customer_id_missing"
    ]
    assert judged.counts() == {"amount_below_minimum": 1, "customer_id_missing": 1}


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, 1, 2, 3]),
            st.sampled_from([None, -1.0, 0.0, 5.0, float("nan")]),
        ),
        min_size=1,
    )
)
def test_every_row_is_either_kept_or_quarantined(drawn):
    judged = judge(*({"transaction_id": i, "amount": a} for i, a in drawn))
    assert judged.clean.num_rows + judged.quarantined.num_rows == len(drawn)
    assert None not in judged.clean["transaction_id"].to_pylist()
    assert all(amount >= 0 for amount in judged.clean["amount"].to_pylist())
