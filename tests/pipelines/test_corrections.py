"""Deliveries that come again, corrected, late or out of order."""

from pathlib import Path

import pytest

from tests.pipelines.banks import Bank, change, delivery, hour

KNOWN = 'known_time = "seen"'


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path, known=KNOWN)


def amounts(bank: Bank) -> dict[object, object]:
    return {row["transaction_id"]: row["amount"] for row in bank.rows()}


def test_the_same_file_twice_changes_nothing(bank: Bank) -> None:
    bank.deliver(change(delivery(), amt={3: -1.0}))
    before = bank.state()
    done = bank.deliver(change(delivery(), amt={3: -1.0}))
    assert bank.state() == before
    assert done.read == done.kept + done.quarantined == 20


def test_a_corrected_row_is_a_new_version_and_the_old_one_still_reads(bank: Bank) -> None:
    first = bank.deliver(delivery())
    row = change(delivery().slice(4, 1), amt={0: 99.0}, seen={0: hour(100)})
    second = bank.deliver(row)
    assert (second.kept, second.corrected, second.outdated) == (1, 1, 0)
    assert amounts(bank)[4] == 99.0
    assert len(amounts(bank)) == 20
    old = bank.lake.read(first.transactions).to_pylist()
    assert [r["amount"] for r in old if r["transaction_id"] == 4] == [14.0]
    # Only the day of the row is another.
    before = {p.day: p.path for p in bank.lake.parts(first.transactions)}
    after = {p.day: p.path for p in bank.lake.parts(second.transactions)}
    assert [day for day in after if after[day] != before[day]] == ["2025-01-01"]


def test_an_older_version_that_comes_late_does_not_replace_a_newer_one(bank: Bank) -> None:
    bank.deliver(change(delivery(), amt={4: 99.0}, seen={4: hour(100)}))
    before = bank.state()
    done = bank.deliver(delivery().slice(4, 1))
    assert (done.kept, done.corrected, done.outdated) == (1, 0, 1)
    assert bank.state() == before
    assert "of 1 a later version is filed already" in done.summary()


def test_a_row_whose_event_day_is_corrected_moves(bank: Bank) -> None:
    bank.deliver(delivery())
    row = change(delivery().slice(4, 1), at={0: hour(55)}, seen={0: hour(100)})
    done = bank.deliver(row)
    days = [r["event_day"] for r in bank.rows() if r["transaction_id"] == 4]
    labels = [r["event_day"] for r in bank.rows("labels") if r["transaction_id"] == 4]
    assert days == labels == ["2025-01-03"]
    assert bank.lake.row_count(done.transactions) == 20


def test_a_day_that_loses_its_last_row_is_gone(bank: Bank) -> None:
    bank.deliver(delivery(17))  # 8, 8 and 1 rows
    bank.deliver(change(delivery().slice(16, 1), at={0: hour(1)}, seen={0: hour(100)}))
    at = bank.lake.newest("transactions")
    assert at is not None
    assert [part.day for part in bank.lake.parts(at)] == ["2025-01-01", "2025-01-02"]


def test_a_day_that_arrives_late_writes_that_day_alone(bank: Bank) -> None:
    rows = delivery()
    first = bank.deliver(rows.take([*range(8), *range(16, 20)]))
    second = bank.deliver(rows.slice(8, 8))
    before = {p.day: p.path for p in bank.lake.parts(first.transactions)}
    after = {p.day: p.path for p in bank.lake.parts(second.transactions)}
    assert set(after) - set(before) == {"2025-01-02"}
    assert before.items() <= after.items()


def test_a_corrected_label_replaces_the_old_one(bank: Bank) -> None:
    bank.deliver(delivery())
    bank.deliver(change(delivery().slice(4, 1), fraud={0: 1}, seen={0: hour(100)}))
    assert [r["is_fraud"] for r in bank.rows("labels") if r["transaction_id"] == 4] == [1]
