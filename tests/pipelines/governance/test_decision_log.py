"""The decision log: what it says, and that a changed byte of it is found and named."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.contract import OvernightError
from pipelines.governance.decision_log import Decision, DecisionLog, describe
from pipelines.governance.decision_store import DECISIONS, DecisionStore
from pipelines.lake.delta import ChangedSinceError
from pipelines.lake.tables import Lake
from tests.pipelines.forgery import rewrite_and_rename, rewrite_in_place
from tests.pipelines.governance.records import MADE, NOON, entry


class Book:
    """A chain in a lake of its own, and the note of its newest hash."""

    def __init__(self, folder: Path) -> None:
        self.lake = Lake(str(folder), spec="cards")
        self.noted: list[str] = []

    @property
    def chain(self) -> DecisionStore:
        return DecisionStore(
            self.lake,
            noted_head=lambda: self.noted[-1] if self.noted else None,
            note_head=self.noted.append,
        )

    def add(self, decision: Decision) -> DecisionLog:
        return self.chain.record(lambda _: decision)

    def parts(self) -> list[Path]:
        """Files with one record each, oldest first."""
        at = self.lake.latest(DECISIONS)
        assert at is not None
        files = [Path(name) for name in self.lake.files(at)]
        return sorted(files, key=lambda f: pq.read_table(f)["transaction_id"][0].as_py())

    def rewrite(self, number: int, change: Callable[[dict[str, object]], None]) -> None:
        """Change a record and the log with it, as someone with access to the files could."""

        def forge(rows: pa.Table) -> pa.Table:
            (row,) = rows.to_pylist()
            change(row)
            return pa.Table.from_pylist([row], schema=rows.schema)

        rewrite_and_rename(self.parts()[number - 1], forge)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    made = Book(tmp_path)
    made.add(entry("registration", 1))
    made.add(entry("approval", 1, hour=1))
    made.add(entry("promotion", 1, hour=2))
    return made


def test_each_record_holds_the_hash_of_the_one_before(book: Book) -> None:
    first, second, third = book.chain.load().records
    assert first.before == "0" * 64
    assert (second.before, third.before) == (first.own, second.own)
    assert len({first.own, second.own, third.own}) == 3
    assert book.noted[-1] == third.own
    text = describe(book.chain.load())
    assert "2026-03-01 13:00:00  approval     version 1    alice (MLflow): approval it" in text
    assert f"verified: 3 records, latest {third.own}" in text


def changed(key: str, value: object) -> Callable[[dict[str, object]], None]:
    return lambda row: row.update({key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("reason", "approval is"), ("actor", "bob (MLflow)"), ("version", "2"),
        ("gate", "refused"), ("kind", "override"), ("model_digest", "n" * 64),
        ("event_time", NOON), ("before", "1" * 64), ("own", "1" * 64),
    ],
)  # fmt: skip
def test_a_changed_value_is_found_and_named(book: Book, key: str, value: object) -> None:
    book.rewrite(2, changed(key, value))
    with pytest.raises(OvernightError, match=r"log of .*cards is broken:\n  - record 2 \("):
        book.chain.load()
    with pytest.raises(OvernightError, match="Nothing is approved or deployed"):
        book.add(entry("approval", 2))


def test_a_record_written_anew_with_its_hash_breaks_the_next_one(book: Book) -> None:
    def forge(row: dict[str, object]) -> None:
        held = book.chain.load().records[1]
        forged = replace(held, actor="bob (MLflow)").sealed(held.before)
        row.update({"actor": forged.actor, "own": forged.own})

    book.rewrite(2, forge)
    with pytest.raises(OvernightError, match=r"record 3 .* does not follow the record before it"):
        book.chain.load()


def test_a_record_changed_in_place_is_named_by_its_file(book: Book) -> None:
    path = book.parts()[1]
    rewrite_in_place(path, lambda rows: rows.set_column(
        rows.schema.get_field_index("reason"), "reason", pa.array(["never said"])
    ))  # fmt: skip
    with pytest.raises(OvernightError, match=rf"decisions@v2 to v3: .*{path.name} was changed"):
        book.chain.load()


def test_records_left_out_are_found(book: Book) -> None:
    book.rewrite(2, changed("transaction_id", 7))
    with pytest.raises(OvernightError, match=r"record 2 is missing; record 3 .*in its place"):
        book.chain.load()


def test_a_chain_cut_short_is_found_by_the_noted_hash(tmp_path: Path, book: Book) -> None:
    short = Book(tmp_path / "other")
    for record in book.chain.load().records[:2]:
        short.add(record)
    assert len(short.chain.load().records) == 2
    short.noted = book.noted
    with pytest.raises(OvernightError, match="the last records are missing or were written anew"):
        short.chain.load()


def test_a_chain_of_which_nothing_is_noted_is_broken(book: Book) -> None:
    book.noted.clear()
    with pytest.raises(OvernightError, match="the registry notes no latest record: the registered"):
        book.chain.load()
    with pytest.raises(OvernightError, match="Nothing is approved or deployed"):
        book.add(entry("approval", 2))


class Cut(BaseException):
    """Stands for a kill: nothing catches it."""


def test_a_first_record_whose_hash_was_not_noted_any_more_is_caught_up_with(tmp_path: Path) -> None:
    book = Book(tmp_path)

    def note(head: str) -> None:
        if book.noted:
            raise Cut
        book.noted.append(head)

    cut = DecisionStore(
        book.lake, noted_head=lambda: book.noted[-1] if book.noted else None, note_head=note
    )
    with pytest.raises(Cut):
        cut.record(lambda _: entry("registration", 1))
    assert len(book.chain.load().records) == 1
    book.add(entry("approval", 1, hour=1))
    assert book.noted[-1] == book.chain.load().head
    book.noted[:] = book.noted[:1]  # what was noted first serves for no longer chain
    with pytest.raises(OvernightError, match="the last records are missing or were written anew"):
        book.chain.load()


# Hashes that the code gave to these records before it recorded report and description.
EARLIER_HASHES = {
    "registration": "e1544753266c497cddbd3e1c2310909a56d2c0cc20adf44faf8547cbb30d8366",
    "approval": "dcc1f10376e700d4511b2f46148eb5f7210ac0f29071e2975db66e0091220f14",
}


def write_earlier(folder: Path) -> list[str]:
    """A table of two records as it was before there were the later columns."""
    lake = Lake(str(folder), spec="cards")
    at, before, heads = None, "0" * 64, []
    for number, (kind, own) in enumerate(EARLIER_HASHES.items(), start=1):
        time = NOON + timedelta(hours=number - 1)
        row = {
            "transaction_id": pa.array([number], pa.int64()),
            "event_time": pa.array([time], pa.timestamp("us", tz="UTC")),
            "kind": [kind], "version": ["1"], "actor": ["alice (MLflow)"],
            "reason": [f"{kind} it"], "gate": ["accepted"], "before": [before], "own": [own],
            "model_digest": ["m" * 64], "data_digest": ["d" * 64],
            "metrics_digest": ["s" * 64], "policy_digest": ["p" * 64],
            "event_day": [f"{time:%F}"],
        }  # fmt: skip
        at = lake.append(DECISIONS, pa.table(row), at=at)
        before = own
        heads.append(own)
    return heads


def test_a_chain_of_an_earlier_version_still_holds_and_is_gone_on_with(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.noted = write_earlier(tmp_path)
    assert [r.digests.report for r in book.chain.load().records] == ["", ""]
    shown = replace(MADE, report="r" * 64, description="t" * 64)
    book.add(replace(entry("promotion", 1, hour=2), digests=shown))
    held = book.chain.load().records
    assert [(r.digests.report, r.digests.description) for r in held] == [
        ("", ""), ("", ""), ("r" * 64, "t" * 64)
    ]  # fmt: skip
    assert [r.own for r in held[:2]] == list(EARLIER_HASHES.values())
    book.rewrite(3, changed("report_digest", ""))
    with pytest.raises(OvernightError, match=r"record 3 .* was changed"):
        book.chain.load()


def test_of_two_decisions_at_once_the_second_is_decided_again(book: Book) -> None:
    asked: list[int] = []

    def slow(held: DecisionLog) -> Decision:
        if not asked:
            book.add(entry("rejection", 2, hour=3))
        asked.append(len(held.records))
        return entry("approval", 3, hour=4)

    after = book.chain.record(slow)
    assert asked == [3, 4]
    assert [r.kind for r in after.records[3:]] == ["rejection", "approval"]
    assert book.chain.load().records == after.records


def test_nothing_is_added_to_a_table_that_another_wrote_to(book: Book) -> None:
    at = book.lake.latest(DECISIONS)
    assert at is not None
    rows = book.lake.read(at)
    book.add(entry("rejection", 2, hour=3))
    with pytest.raises(ChangedSinceError):
        book.lake.append(DECISIONS, rows, at=at)
    assert len(book.chain.load().records) == 4
