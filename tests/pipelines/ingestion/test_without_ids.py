"""Deliveries of a source without ids, entities and at first labels: which rows are the same."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.contract import InputError
from pipelines.config.spec import ModelSpec, load_spec
from pipelines.ingestion.ingest import ingest_delivery
from pipelines.lake.knowledge_time import parse_as_of
from pipelines.lake.tables import Lake
from tests.pipelines.banks import change

SPEC = """
[source]
path = "{path}"
{full}
[source.roles]
transaction_id = {{ columns = ["Time", "V1", "Amount"] }}
event_time = {{ column = "Time", unit = "s", start = "2020-01-01" }}
amount = "Amount"
[source.attributes]
v1 = {{ column = "V1", kind = "numeric" }}
[contract]
max_absent_share = 0.5
"""
LABELS = '[labels]\ncolumn = "Class"\ndelay = "7d"\nmaturity = "7d"\n'


class Cards:
    """A folder of files, its spec and its lake."""

    def __init__(self, folder: Path) -> None:
        self.files, self.toml = folder / "cards", folder / "cards.toml"
        self.files.mkdir()
        self.lake = Lake(str(folder / "lake"), spec="cards")
        self.spec = self.declare()

    def declare(self, labels: str = LABELS, full: str = "") -> ModelSpec:
        text = SPEC.format(path=self.files, full=full) + labels
        self.toml.write_text(text)
        self.spec = load_spec(str(self.toml))
        return self.spec

    def deliver(
        self, rows: pa.Table, name: str = "cards.parquet", *, as_of: str | None = None
    ) -> None:
        pq.write_table(rows, self.files / name)
        night = None if as_of is None else parse_as_of(as_of)
        self.ingested = ingest_delivery(self.spec, self.lake, as_of=night)

    def versions(self, table: str = "transactions") -> list[dict[str, object]]:
        at = self.lake.latest(table)
        assert at is not None
        return self.lake.read(at).to_pylist()

    def ids(self) -> dict[object, list[object]]:
        """Amount to the ids of the transactions that have it now."""
        found: dict[object, list[object]] = {}
        for row in self.versions():
            if row["replaced_time"] is None:
                found.setdefault(row["amount"], []).append(row["transaction_id"])
        return found

    def labels(self) -> dict[object, int | None]:
        newest = sorted(self.versions("labels"), key=lambda row: row["known_time"])
        return {row["transaction_id"]: row["is_fraud"] for row in newest}


@pytest.fixture
def cards(tmp_path: Path) -> Cards:
    return Cards(tmp_path)


def rows(*times: int) -> pa.Table:
    """A payment at each second, 5.0 more than its second; every third is a fraud."""
    return pa.table({
        "Time": [float(t) for t in times],
        "V1": [t / 7 for t in times],
        "Amount": [5.0 + t for t in times],
        "Class": [int(t % 3 == 0) for t in times],
    })  # fmt: skip


def test_rows_that_are_equal_are_as_many_transactions_as_there_are(cards: Cards) -> None:
    cards.deliver(rows(1, 2, 2, 2, 3))
    assert {amount: len(ids) for amount, ids in cards.ids().items()} == {6.0: 1, 7.0: 3, 8.0: 1}
    assert len(cards.versions()) == 5
    assert cards.ingested.quarantined == 0


def test_a_file_that_grew_is_sorted_anew_or_comes_again_changes_no_id(cards: Cards) -> None:
    cards.deliver(rows(1, 2, 2, 3))
    first = cards.ids()
    cards.deliver(rows(3, 2, 9, 1, 2).slice(0, 5))
    grown = cards.ids()
    assert grown.pop(14.0)
    assert {a: sorted(map(str, i)) for a, i in grown.items()} == {
        a: sorted(map(str, i)) for a, i in first.items()
    }
    assert len(cards.versions()) == 5


def test_another_file_changes_no_id_and_a_row_in_both_is_one_transaction(cards: Cards) -> None:
    cards.deliver(rows(1, 2), "january.parquet")
    first = cards.ids()
    cards.deliver(rows(2, 3), "a-second-export.parquet")
    assert cards.ids().keys() == {6.0, 7.0, 8.0}
    assert {amount: cards.ids()[amount] for amount in first} == first
    assert len(cards.versions()) == 3


def test_a_label_that_changes_is_one_of_the_same_transaction(cards: Cards) -> None:
    cards.deliver(rows(1, 2, 3))
    assert sorted(cards.labels().values()) == [0, 0, 1]
    cards.deliver(change(rows(1, 2, 3), Class={0: 1}))
    assert len(cards.versions()) == 3
    assert sorted(cards.labels().values()) == [0, 1, 1]


@pytest.mark.parametrize(("full", "held"), [("", 4), ("is_full = true", 3)])
def test_a_row_that_changes_is_another_and_a_full_delivery_withdraws_the_former(
    cards: Cards, full: str, held: int
) -> None:
    cards.declare(full=full)
    cards.deliver(rows(1, 2, 3))
    cards.deliver(change(rows(1, 2, 3), Amount={0: 99.0}))
    assert 99.0 in cards.ids()
    assert sum(map(len, cards.ids().values())) == held


@pytest.mark.parametrize("changed", ['"Time"', '{ columns = ["Time", "V1"] }'])
def test_other_columns_of_ids_are_refused_and_nothing_is_filed_twice(
    cards: Cards, changed: str
) -> None:
    cards.deliver(rows(1, 2, 3))
    text = cards.toml.read_text()
    cards.toml.write_text(text.replace('{ columns = ["Time", "V1", "Amount"] }', changed))
    cards.spec = load_spec(str(cards.toml))
    # The source's own ids are text as composed ones are, so that their type tells nothing.
    other = rows(1, 2, 3).set_column(0, "Time", pa.array(["1", "2", "3"]))
    with pytest.raises(InputError, match=r"ids of Time, V1, Amount, and .* is another now"):
        cards.deliver(other)
    assert len(cards.versions()) == 3


@pytest.mark.parametrize("between", ["2020-01-15", "2020-03-01"])
def test_labels_declared_later_are_those_of_a_spec_that_had_them_from_the_first(
    cards: Cards, tmp_path: Path, between: str
) -> None:
    cards.declare(labels="")
    cards.deliver(rows(1, 2, 2, 3), as_of=between)
    parts = _digests(cards, "transactions")
    assert cards.versions("labels") == []
    cards.declare()
    cards.deliver(rows(1, 2, 2, 3), as_of="2020-03-02")
    assert _digests(cards, "transactions") == parts
    assert str(cards.ingested.transactions) == "transactions@v1"
    week = timedelta(days=7)
    assert [row["known_time"] - row["event_time"] for row in cards.versions("labels")] == [week] * 4

    (tmp_path / "other").mkdir()
    other = Cards(tmp_path / "other")
    other.deliver(rows(1, 2, 2, 3), as_of=between)
    assert cards.versions("labels") == other.versions("labels")


def test_a_label_that_changes_after_it_was_declared_late_is_known_at_its_arrival(
    cards: Cards,
) -> None:
    cards.declare(labels="")
    cards.deliver(rows(1, 2), as_of="2020-03-01")
    cards.declare()
    cards.deliver(rows(1, 2), as_of="2020-03-02")
    cards.deliver(change(rows(1, 2), Class={0: 1}), as_of="2020-03-03")
    known = {row["known_time"].year for row in cards.versions("labels") if row["is_fraud"]}
    assert min(known) > 2020  # the year in which the row happened


def _digests(cards: Cards, table: str) -> set[str]:
    at = cards.lake.latest(table)
    assert at is not None
    return {hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in cards.lake.files(at)}
