"""The chain of decisions: what it says, and that a changed byte of it is found and named."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.contract import OvernightError
from pipelines.config.installation.actors import Actor, parse_actor
from pipelines.config.spec import ApprovalPolicy
from pipelines.governance.decision_log import Decision, DecisionLog, Digests, Kind, decide, describe
from pipelines.governance.decision_store import DECISIONS, DecisionStore
from pipelines.governance.rules import approval_refusals, deployment_refusals
from pipelines.lake.delta import ChangedSinceError
from pipelines.lake.tables import Lake
from tests.pipelines.forgery import rewrite_and_rename, rewrite_in_place

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALICE, BOB = Actor("alice", "MLflow"), Actor("bob", "Airflow")
MADE = Digests(model="m" * 64, data="d" * 64, metrics="s" * 64, policy="p" * 64)


def entry(kind: Kind, version: int, *, hour: int = 0, gate: str = "accepted") -> Decision:
    return decide(
        kind, version, actor=ALICE, reason=f"{kind} it", gate=gate, digests=MADE,
        now=NOON + timedelta(hours=hour),
    )  # fmt: skip


def decision_log(*steps: tuple[Kind, int]) -> DecisionLog:
    """Records of an hour each."""
    records = [replace(entry(kind, v, hour=n), number=n + 1) for n, (kind, v) in enumerate(steps)]
    return DecisionLog(tuple(records), at=None)


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
    with pytest.raises(OvernightError, match=r"chain of .*cards is broken:\n  - record 2 \("):
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


def test_the_chain_says_what_is_in_force() -> None:
    now = decision_log(
        ("registration", 1), ("approval", 1), ("promotion", 1), ("registration", 2),
        ("override", 2), ("promotion", 2), ("registration", 3), ("approval", 3),
    )  # fmt: skip
    assert (now.approval.version, now.champion, now.champion_before) == (3, 2, 1)
    assert now.challenger == 3
    rejected = decision_log(*((r.kind, r.version) for r in now.records), ("rejection", 3))
    assert rejected.approval is None
    assert rejected.challenger is None
    back = decision_log(*((r.kind, r.version) for r in now.records[:6]), ("rollback", 1))
    assert (back.approval.version, back.champion, back.champion_before) == (1, 1, None)
    assert decision_log().champion is None


def refusals(version: int, held: DecisionLog, **changes: object) -> list[str]:
    given = {
        "found": MADE, "author": BOB, "approver": ALICE, "policy": ApprovalPolicy(),
        "now": NOON + timedelta(days=1),
    }  # fmt: skip
    return list(approval_refusals(version, decision_log=held, **(given | changes)))


SERVING = (("registration", 1), ("approval", 1), ("promotion", 1), ("registration", 2))


@pytest.mark.parametrize(
    ("version", "steps", "changes", "said"),
    [
        (2, SERVING, {}, None),
        (9, SERVING, {}, "no record of its registration"),
        (2, SERVING, {"found": replace(MADE, data="e" * 64)}, "the training set has the digest"),
        (2, SERVING, {"found": replace(MADE, metrics="e" * 64)}, "the run's metrics has"),
        (2, SERVING, {"approver": Actor("Bob", "MLflow")}, "Bob (MLflow) made it; another person"),
        (2, SERVING, {"approver": Actor("unknown", "MLflow"), "author": None}, None),
        (2, SERVING, {"now": NOON + timedelta(days=15)}, "14 days ago, and that holds 14d"),
        (2, (*SERVING, ("rejection", 2)), {}, "record 5 (rejection of version 2"),
        (1, (*SERVING, ("approval", 2), ("promotion", 2)), {}, "than the champion, version 2"),
        (2, (*SERVING, ("approval", 2), ("promotion", 2), ("rollback", 1)), {}, "(rollback of"),
        (3, (*SERVING, ("registration", 3), ("approval", 2)), {}, "2 was approved by alice"),
    ],
)  # fmt: skip
def test_every_reason_against_an_approval(
    version: int, steps: tuple[tuple[Kind, int], ...], changes: dict[str, object], said: str | None
) -> None:
    found = refusals(version, decision_log(*steps), **changes)
    assert (found == []) if said is None else (len(found) == 1 and said in found[0]), found


def test_all_reasons_come_at_once_and_an_override_sets_only_the_gates_aside() -> None:
    refused = entry("registration", 1, gate="refused: baseline: 0.1 is less than 0.2")
    held = DecisionLog((replace(refused, number=1),), at=None)
    changed_ = replace(MADE, model="e" * 64, policy="e" * 64)
    every = refusals(1, held, found=changed_, author=ALICE, now=NOON + timedelta(days=40))
    assert [reason.split(" ")[0:2] for reason in every] == [
        ["the", "gate"], ["the", "bundle"], ["the", "spec"], ["alice", "(MLflow)"], ["it", "was"],
    ]  # fmt: skip
    assert "baseline: 0.1 is less than 0.2" in every[0]
    assert refusals(1, held) == every[:1]
    assert refusals(1, held, is_override=True) == []


def test_an_approval_is_not_deployed_when_it_expired_or_its_version_changed() -> None:
    held = decision_log(*SERVING, ("approval", 2))
    approval = held.approval
    assert approval is not None

    def reasons(**changes: object) -> list[str]:
        given = {"found": MADE, "policy": ApprovalPolicy(), "now": NOON + timedelta(days=1)}
        return list(deployment_refusals(approval, decision_log=held, **(given | changes)))

    assert reasons() == []
    (late,) = reasons(now=NOON + timedelta(days=15))
    assert "it was approved 14 days ago" in late
    (other,) = reasons(found=replace(MADE, model="e" * 64))
    assert other.startswith("the bundle has the digest eeeeeeeeeeee, and mmmmmmmmmmmm was recorded")


def test_whom_nobody_knows_is_not_the_same_person() -> None:
    assert ALICE.is_known_as(Actor("Alice", "Airflow"))
    assert not ALICE.is_known_as(BOB)
    for nobody in (Actor("Anonymous", "Airflow"), Actor("unknown", "MLflow")):
        assert not nobody.is_known_as(nobody)


def test_an_identity_is_read_as_it_is_written() -> None:
    assert parse_actor("ann smith (operating system)") == Actor("ann smith", "operating system")
    assert parse_actor("schedule") is None
    assert parse_actor(None) is None
