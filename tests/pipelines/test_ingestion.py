from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.contract import InputError, ProblemsError
from pipelines.ingestion import Ingested, ingest_delivery
from pipelines.lake import Lake
from pipelines.spec import ModelSpec, load_spec

TIME = pa.timestamp("us", tz="UTC")
SPEC = """
[source]
path = "{folder}/cards.parquet"
[source.roles]
transaction_id = "id"
event_time = "at"
amount = "amt"
[source.entities]
customer_id = "cust"
[labels]
column = "fraud"
delay = "7d"
maturity = "7d"
[contract]
max_quarantined_share = 0.5
"""


def hour(number: int) -> datetime:
    return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=number)


def delivery(count: int = 20, **changed: list[object]) -> pa.Table:
    columns: dict[str, object] = {
        "id": list(range(count)),
        "at": pa.array([hour(3 * n) for n in range(count)], TIME),
        "amt": [10.0 + n for n in range(count)],
        "cust": [n % 3 for n in range(count)],
        "fraud": [int(n % 7 == 0) for n in range(count)],
    }
    return pa.table(columns | changed)


def change(column: str, at: dict[int, object], kind: pa.DataType | None = None) -> pa.Table:
    """A delivery in which single values of a column are others."""
    rows = delivery()
    values = rows[column].to_pylist()
    for position, value in at.items():
        values[position] = value
    kind = kind or rows.schema.field(column).type
    return rows.set_column(rows.schema.get_field_index(column), column, pa.array(values, kind))


class Bank:
    """A source file, its spec and its lake in a folder."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "cards.parquet"
        (folder / "cards.toml").write_text(SPEC.format(folder=folder))
        self.spec: ModelSpec = load_spec(str(folder / "cards.toml"))
        self.lake = Lake(str(folder / "lake"), spec="cards")

    def deliver(self, rows: pa.Table) -> Ingested:
        pq.write_table(rows, self.file)
        return ingest_delivery(self.spec, self.lake)

    def state(self) -> dict[str, str]:
        """Content hash and version of every table."""
        tables = (self.lake.newest(t) for t in ("transactions", "labels", "quarantine"))
        return {str(t): self.lake.content_hash(t) for t in tables if t is not None}


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


def test_the_same_delivery_again_changes_nothing(bank: Bank) -> None:
    bank.deliver(change("amt", {3: -1.0}))
    before = bank.state()
    bank.deliver(change("amt", {3: -1.0}))
    assert bank.state() == before
    assert len(before) == 3


def test_a_later_delivery_adds_rows_and_replaces_those_that_came_again(bank: Bank) -> None:
    first = bank.deliver(delivery(10))
    second = bank.deliver(change("amt", {4: 99.0}))
    assert bank.lake.row_count(second.transactions) == 20
    amounts = {
        r["transaction_id"]: r["amount"] for r in bank.lake.read(second.transactions).to_pylist()
    }
    assert (amounts[4], amounts[5]) == (99.0, 15.0)
    # The version before still reads as it was.
    assert bank.lake.row_count(first.transactions) == 10


@pytest.mark.parametrize(
    ("rows", "rules"),
    [
        (change("id", {5: 4, 6: 4}), {"transaction_id_repeated": 2}),
        (change("id", {5: None}), {"transaction_id_missing": 1}),
        (change("at", {5: None}), {"event_time_missing": 1}),
        (change("at", {5: datetime(2999, 1, 1, tzinfo=UTC)}), {"event_time_in_future": 1}),
        (change("amt", {5: -0.01, 6: -3.0}), {"amount_below_minimum": 2}),
        (change("amt", {5: 1e8}), {"amount_above_maximum": 1}),
        (change("amt", {5: None, 6: float("nan")}), {"amount_missing": 2}),
        (change("amt", {5: float("inf")}), {"amount_above_maximum": 1}),
        (change("cust", {5: None}), {"customer_id_missing": 1}),
        (change("fraud", {5: 2}), {"label_not_0_or_1": 1}),
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
    held = bank.lake.newest("quarantine")
    assert held is not None
    broken = bank.lake.read(held)["broken_rules"].to_pylist()
    assert broken == [name for name, count in rules.items() for _ in range(count)]


def test_a_row_that_breaks_two_rules_is_one_row_with_both(bank: Bank) -> None:
    rows = change("amt", {5: -1.0})
    rows = rows.set_column(3, "cust", pa.array([None if n == 5 else 1 for n in range(20)]))
    done = bank.deliver(rows)
    assert (done.quarantined, done.rules) == (
        1, {"amount_below_minimum": 1, "customer_id_missing": 1},
    )  # fmt: skip


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda p: p.unlink(), "cards.parquet does not exist; give the path of a parquet file"),
        (lambda p: p.write_bytes(b""), r"is empty \(0 bytes\); deliver it again"),
        (cut, "cannot be read as parquet: .*; deliver it again"),
        (lambda p: p.write_text("id,at\n1,2\n"), "cannot be read as parquet"),
        (spoil, "cannot be read"),
        (lambda p: pq.write_table(delivery().drop_columns(["amt", "cust"]), p), "2 problems"),
        (lambda p: pq.write_table(delivery().drop_columns(["amt"]), p), "amt"),
        (lambda p: pq.write_table(delivery(amt=["x"] * 20), p), "amt"),
        (lambda p: pq.write_table(delivery(at=["noon"] * 20), p), "at"),
        (lambda p: pq.write_table(delivery().slice(0, 0), p), "holds no rows"),
        (lambda p: pq.write_table(change("amt", dict.fromkeys(range(11), -1.0)), p),
         r"11 of 20 rows .* \(55.0%\) broke a rule: amount_below_minimum 11. At most 50.0% may. "
         "Nothing was ingested"),
    ],
    ids=["missing", "empty", "truncated", "csv", "spoilt", "no roles", "no role", "text amount",
         "text time", "no rows", "too many"],
)  # fmt: skip
def test_a_faulty_file_is_refused_and_the_lake_is_as_it_was(bank: Bank, harm, said: str) -> None:
    bank.deliver(delivery(10))
    pq.write_table(delivery(), bank.file)
    before = bank.state()
    harm(bank.file)
    with pytest.raises(InputError, match=said):
        ingest_delivery(bank.spec, bank.lake)
    assert bank.state() == before


def test_every_faulty_column_is_named_at_once(bank: Bank) -> None:
    pq.write_table(delivery(amt=["x"] * 20, at=["noon"] * 20).drop_columns(["cust"]), bank.file)
    with pytest.raises(ProblemsError) as caught:
        ingest_delivery(bank.spec, bank.lake)
    text = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 3
    for column in ("amt", "at", "cust"):
        assert column in text


REPORTS = """
[labels]
path = "{folder}/reports.parquet"
transaction_id = "id"
known_time = "reported"
maturity = "7d"
"""


def test_a_report_finds_a_transaction_that_an_earlier_delivery_brought(tmp_path: Path) -> None:
    before, _, after = SPEC.partition("[labels]")
    text = before + REPORTS + after[after.index("[contract]") :]
    (tmp_path / "cards.toml").write_text(text.format(folder=tmp_path))
    spec, lake = load_spec(str(tmp_path / "cards.toml")), Lake(str(tmp_path / "lake"), spec="cards")

    def deliver(rows: pa.Table, *reports: tuple[int, datetime | None]) -> Ingested:
        pq.write_table(rows, tmp_path / "cards.parquet")
        columns = {
            "id": pa.array([number for number, _ in reports], pa.int64()),
            "reported": pa.array([time for _, time in reports], TIME),
        }
        pq.write_table(pa.table(columns), tmp_path / "reports.parquet")
        return ingest_delivery(spec, lake)

    rows = delivery()  # ids 0..7 on the first day, 8..15 on the second, 16..19 on the third
    deliver(rows.slice(0, 8))
    deliver(rows.slice(8, 8), (2, hour(30)))
    done = deliver(rows.slice(16), (3, hour(60)), (99, hour(60)), (17, hour(2)), (18, None))
    labels = lake.read(done.labels).to_pylist()
    assert [(r["transaction_id"], r["known_time"], r["event_day"]) for r in labels] == [
        (2, hour(30), "2025-01-01"),
        (3, hour(60), "2025-01-01"),
    ]
    assert done.rules == {
        "label_known_before_event": 1,
        "label_without_known_time": 1,
        "label_without_transaction": 1,
    }
    assert lake.row_count(done.transactions) == 20
