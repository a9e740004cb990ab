from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.contract import ProblemsError
from pipelines.ingestion.ingest import ingest_delivery
from pipelines.ingestion.ingested import Ingested
from tests.pipelines.banks import TIME, Bank, change, delivery, hour


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path)


def test_a_delivery_is_filed_by_day_with_labels_known_after_the_delay(bank: Bank) -> None:
    done = bank.deliver(delivery())
    assert (done.read, done.kept, done.quarantined) == (20, 20, 0)
    days = [part.day for part in bank.lake.parts(done.transactions)]
    assert days == ["2025-01-01", "2025-01-02", "2025-01-03"]  # eight a day: 8, 8, 4
    labels = bank.lake.read(done.labels).to_pylist()
    assert [row["transaction_id"] for row in labels if row["is_fraud"]] == [0, 7, 14]
    assert all(row["known_time"] == row["event_time"] + timedelta(days=7) for row in labels)


def test_a_later_delivery_adds_rows_and_versions(bank: Bank) -> None:
    first = bank.deliver(delivery(10))
    second = bank.deliver(change(delivery(), amt={4: 99.0}))
    assert bank.lake.row_count(second.transactions) == 21  # both versions of row 4
    amounts = {
        r["transaction_id"]: r["amount"] for r in bank.lake.read(second.transactions).to_pylist()
    }
    assert (amounts[4], amounts[5]) == (99.0, 15.0)
    # The version before still reads as it was.
    assert bank.lake.row_count(first.transactions) == 10


@pytest.mark.parametrize(
    ("rows", "rules"),
    [
        (change(delivery(), id={5: 4, 6: 4}), {"transaction_id_repeated": 2}),
        (change(delivery(), id={5: None}), {"transaction_id_missing": 1}),
        (change(delivery(), at={5: None}), {"event_time_missing": 1}),
        (change(delivery(), at={5: datetime(2999, 1, 1, tzinfo=UTC)}), {"event_time_in_future": 1}),
        (change(delivery(), amt={5: -0.01, 6: -3.0}), {"amount_below_minimum": 2}),
        (change(delivery(), amt={5: 1e8}), {"amount_above_maximum": 1}),
        (change(delivery(), amt={5: None, 6: float("nan")}), {"amount_missing": 2}),
        (change(delivery(), amt={5: float("inf")}), {"amount_above_maximum": 1}),
        (change(delivery(), cust={5: None}), {"customer_id_missing": 1}),
        (change(delivery(), fraud={5: 2}), {"label_not_0_or_1": 1}),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "rows",
)
def test_a_row_that_breaks_a_rule_is_quarantined_with_its_name(
    bank: Bank, rows: pa.Table, rules: dict[str, int]
) -> None:
    done = bank.deliver(rows)
    assert done.rules == rules
    assert done.quarantined == sum(rules.values())
    assert done.read == done.kept + done.quarantined == 20
    held = bank.lake.latest("quarantine")
    assert held is not None
    broken = bank.lake.read(held)["broken_rules"].to_pylist()
    assert broken == [name for name, count in rules.items() for _ in range(count)]


def test_a_row_that_breaks_two_rules_is_one_row_with_both(bank: Bank) -> None:
    done = bank.deliver(change(delivery(), amt={5: -1.0}, cust={5: None}))
    assert (done.quarantined, done.rules) == (
        1, {"amount_below_minimum": 1, "customer_id_missing": 1},
    )  # fmt: skip


def test_every_faulty_column_is_named_at_once(bank: Bank) -> None:
    pq.write_table(delivery(amt=["x"] * 20, at=["noon"] * 20).drop_columns(["cust"]), bank.file)
    with pytest.raises(ProblemsError) as caught:
        ingest_delivery(bank.spec, bank.lake)
    text = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 3
    for column in ("amt", "at", "cust"):
        assert column in text


def test_a_report_finds_a_transaction_that_an_earlier_delivery_brought(tmp_path: Path) -> None:
    file = tmp_path / "reports.parquet"
    labels = f'path = "{file}"\ntransaction_id = "id"\nknown_time = "reported"'
    bank = Bank(tmp_path, labels=labels)

    def deliver(rows: pa.Table, *reports: tuple[int, datetime | None]) -> Ingested:
        columns = {
            "id": pa.array([number for number, _ in reports], pa.int64()),
            "reported": pa.array([time for _, time in reports], TIME),
        }
        pq.write_table(pa.table(columns), file)
        return bank.deliver(rows)

    rows = delivery()  # ids 0..7 on the first day, 8..15 on the second, 16..19 on the third
    deliver(rows.slice(0, 8))
    deliver(rows.slice(8, 8), (2, hour(30)))
    done = deliver(rows.slice(16), (3, hour(60)), (99, hour(60)), (17, hour(2)), (18, None))
    known = bank.rows("labels")
    assert [(r["transaction_id"], r["known_time"], r["event_day"]) for r in known] == [
        (2, hour(30), "2025-01-01"),
        (3, hour(60), "2025-01-01"),
    ]
    assert done.rules == {
        "label_known_before_event": 1,
        "label_without_known_time": 1,
        "label_without_transaction": 1,
    }
    assert bank.lake.row_count(done.transactions) == 20
