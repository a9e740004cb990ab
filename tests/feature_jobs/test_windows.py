from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_jobs.definitions import Window, WindowGroup
from feature_jobs.windows import compute_windows
from tests.feature_jobs.oracle import Row, compute

START = datetime(2025, 1, 1, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")

GROUPS = [
    WindowGroup(
        entity="card_id",
        measure="amount",
        aggregates=("count", "sum", "mean", "std", "min", "max", "prior_mean", "prior_std"),
        windows=(timedelta(hours=2), timedelta(hours=9)),
    ),
    WindowGroup(
        entity="card_id", aggregates=("count", "prior_count"), windows=(timedelta(hours=3),)
    ),
    WindowGroup(
        entity="card_id",
        measure="amount",
        aggregates=("mean", "max"),
        windows=(timedelta(hours=3),),
        delay=timedelta(hours=2),
    ),
    WindowGroup(
        entity="card_id",
        measure="is_fraud",
        aggregates=("count", "rate"),
        windows=(timedelta(hours=4), timedelta(days=2)),
    ),
    WindowGroup(
        entity="card_id",
        measure="is_fraud",
        aggregates=("count", "rate"),
        windows=(timedelta(hours=5),),
        delay=timedelta(hours=3),
    ),
]


def hours(number: float) -> datetime:
    return START + timedelta(hours=number)


def table(rows: list[Row]) -> pa.Table:
    return pa.table(
        {
            "transaction_id": [row.transaction_id for row in rows],
            "event_time": pa.array([row.event for row in rows], TIME),
            "known_time": pa.array([row.known for row in rows], TIME),
            "card_id": pa.array([row.entity for row in rows], pa.int64()),
            "amount": pa.array([row.amount for row in rows], pa.float64()),
            "label_known_time": pa.array([row.fraud_known for row in rows], TIME),
            "is_fraud": pa.array([1 if row.fraud_known else None for row in rows], pa.int8()),
        }
    )


def one(
    aggregate: str, *, length: float, measure: str | None = "amount", delay: float = 0
) -> Window:
    group = WindowGroup(
        entity="card_id",
        measure=measure,
        aggregates=(aggregate,),
        windows=(timedelta(hours=length),),
        delay=timedelta(hours=delay) or None,
    )
    (window,) = group.expand()
    return window


def values(rows: list[Row], window: Window) -> list[float | None]:
    return compute_windows(table(rows), [window], entity="card_id")[window.name].to_pylist()


def plain(number: int, at: float, amount: float, **changes: object) -> Row:
    row = {"known": hours(at), "entity": 1} | changes
    return Row(transaction_id=number, event=hours(at), amount=amount, **row)


def test_a_window_is_open_at_its_start_and_closed_at_its_end() -> None:
    rows = [plain(1, 0, 10), plain(2, 1, 20), plain(3, 2, 30)]
    assert values(rows, one("sum", length=2)) == [10, 30, 50]  # the row 2 h before has left


def test_of_two_rows_at_one_time_only_the_second_sees_the_other() -> None:
    rows = [plain(1, 1, 10), plain(2, 1, 20)]
    assert values(rows, one("sum", length=1)) == [10, 30]
    assert values(rows, one("prior_sum", length=1)) == [0, 10]


def test_a_late_row_sees_itself_and_is_not_seen_before_it_arrived() -> None:
    rows = [plain(1, 0, 10, known=hours(2)), plain(2, 1, 20), plain(3, 2, 40), plain(4, 3, 80)]
    assert values(rows, one("sum", length=10)) == [10, 20, 70, 150]


def test_a_delayed_window_ends_the_delay_before_the_row() -> None:
    rows = [plain(1, 0, 10), plain(2, 1, 20), plain(3, 3, 40), plain(4, 4, 80)]
    # (t - 3 h, t - 2 h]: at 3 h the row at 1 h; at 4 h none, for 1 h is just too old
    assert values(rows, one("sum", length=1, delay=2)) == [0, 0, 20, 0]


def test_a_fraud_counts_from_its_report_on_and_never_its_own_row() -> None:
    rows = [plain(1, 0, 1, fraud_known=hours(2)), plain(2, 1, 1), plain(3, 2, 1), plain(4, 5, 1)]
    assert values(rows, one("count", length=4, measure="is_fraud")) == [0, 0, 1, 0]


def test_a_fraud_rate_is_zero_where_there_was_no_transaction() -> None:
    rows = [plain(1, 0, 1, fraud_known=hours(1)), plain(2, 1, 1), plain(3, 2, 1)]
    # 1 h delay, 2 h window: (t - 3 h, t - 1 h]
    assert values(rows, one("rate", length=2, measure="is_fraud", delay=1)) == [0, 1, 0.5]


def test_a_missing_amount_does_not_count_and_a_missing_entity_has_no_history() -> None:
    rows = [plain(1, 0, None), plain(2, 1, 5), plain(3, 0, 7, entity=None)]  # type: ignore[arg-type]
    assert values(rows, one("mean", length=9)) == [None, 5, None]
    assert values(rows, one("count", length=9, measure=None)) == [1, 2, None]


def test_what_has_left_a_window_leaves_no_rounding_behind() -> None:
    rows = [plain(1, 0, 1e15), plain(2, 1, 0.1), plain(3, 3, 0.2)]
    assert values(rows, one("sum", length=3))[2] == 0.1 + 0.2


row_lists = st.lists(
    st.tuples(
        st.integers(0, 40),  # half hours: ties are frequent
        st.integers(0, 1),
        st.one_of(st.none(), st.integers(-5, 5).map(lambda cents: cents / 100), st.just(1e9)),
        st.sampled_from([0, 0, 0, 1, 5, 50]),
        st.one_of(st.none(), st.integers(0, 20)),
    ),
    min_size=1,
    max_size=40,
)


@given(row_lists)
@settings(max_examples=150, deadline=None)
def test_every_aggregate_equals_the_definition_on_any_history(drawn: list[tuple]) -> None:
    rows = [
        Row(
            transaction_id=number,
            event=hours(at / 2),
            known=hours(at / 2 + late / 2),
            entity=entity,
            amount=amount,
            fraud_known=None if report is None else hours(at / 2 + report / 2),
        )
        for number, (at, entity, amount, late, report) in enumerate(drawn)
    ]
    rows.sort(key=lambda row: (row.entity, row.event, row.transaction_id))
    windows = [window for group in GROUPS for window in group.expand()]
    for window in windows:
        # a delayed label window shares its name with an undelayed one: one at a time
        got = compute_windows(table(rows), [window], entity="card_id")[window.name].to_pylist()
        expected = compute(rows, window)
        assert [x is None for x in got] == [x is None for x in expected], window
        exact = window.statistic in {"count", "min", "max"}
        np.testing.assert_allclose(
            [x for x in got if x is not None],
            [x for x in expected if x is not None],
            rtol=0 if exact else 1e-9,
            atol=0 if exact else 1e-9,
            err_msg=str(window),
        )


@pytest.mark.parametrize("name", ["card_amount_mean_2h", "card_fraud_rate_4h"])
def test_names_say_entity_measure_aggregate_and_window(name: str) -> None:
    assert name in {window.name for group in GROUPS for window in group.expand()}
