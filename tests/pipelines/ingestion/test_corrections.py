"""Deliveries that come again, corrected, late or out of order."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.contract import InputError
from pipelines.config.spec import load_spec
from pipelines.ingestion.ingest import ingest_delivery
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
    assert len(before) == 3
    assert done.read == 0  # the manifest knows the file


def test_the_same_rows_in_another_file_change_nothing(bank: Bank) -> None:
    bank.deliver(change(delivery(), amt={3: -1.0}))
    before = bank.state()
    bank.file.unlink()
    bank.file = bank.file.with_name("again.parquet")
    source = bank.spec.source.model_copy(update={"path": str(bank.file)})
    bank.spec = bank.spec.model_copy(update={"source": source})
    done = bank.deliver(change(delivery(), amt={3: -1.0}))
    assert {name: state for name, state in bank.state().items() if "quarantine" not in name} == {
        name: state for name, state in before.items() if "quarantine" not in name
    }
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


def test_an_older_version_that_comes_late_is_filed_under_its_time(bank: Bank) -> None:
    bank.deliver(change(delivery(), amt={4: 99.0}, seen={4: hour(100)}))
    done = bank.deliver(delivery().slice(4, 1))
    assert (done.kept, done.corrected, done.outdated) == (1, 0, 1)
    own = [r for r in bank.rows() if r["transaction_id"] == 4]
    assert [(r["amount"], r["replaced_time"], r["is_first"]) for r in own] == [
        (14.0, hour(100), True), (99.0, None, False),
    ]  # fmt: skip
    assert "of 1 a later version is filed already" in done.summary()


def test_a_row_whose_event_day_is_corrected_has_a_version_on_each_day(bank: Bank) -> None:
    bank.deliver(delivery())
    row = change(delivery().slice(4, 1), at={0: hour(55)}, seen={0: hour(100)})
    done = bank.deliver(row)
    own = [r for r in bank.rows() if r["transaction_id"] == 4]
    assert [(r["event_day"], r["replaced_time"], r["is_first"]) for r in own] == [
        ("2025-01-01", hour(100), True), ("2025-01-03", None, False),
    ]  # fmt: skip
    # Its labels are filed under the day of the version that a model scored.
    days = {r["event_day"] for r in bank.rows("labels") if r["transaction_id"] == 4}
    assert days == {"2025-01-01"}
    assert bank.lake.row_count(done.transactions) == 21


def test_a_day_keeps_a_row_that_was_moved_away(bank: Bank) -> None:
    bank.deliver(delivery(17))  # 8, 8 and 1 rows
    bank.deliver(change(delivery().slice(16, 1), at={0: hour(1)}, seen={0: hour(100)}))
    at = bank.lake.latest("transactions")
    assert at is not None
    assert {part.day: part.rows for part in bank.lake.parts(at)} == {
        "2025-01-01": 9, "2025-01-02": 8, "2025-01-03": 1,
    }  # fmt: skip


def test_a_day_that_arrives_late_writes_that_day_alone(bank: Bank) -> None:
    rows = delivery()
    first = bank.deliver(rows.take([*range(8), *range(16, 20)]))
    second = bank.deliver(rows.slice(8, 8))
    before = {p.day: p.path for p in bank.lake.parts(first.transactions)}
    after = {p.day: p.path for p in bank.lake.parts(second.transactions)}
    assert set(after) - set(before) == {"2025-01-02"}
    assert before.items() <= after.items()


def test_a_delivery_with_its_clock_corrected_is_restated(bank: Bank) -> None:
    wrong = {n: hour(3 * n + 5) for n in range(16, 20)}
    bank.deliver(change(delivery(), at=wrong, seen=wrong))
    pq.write_table(delivery(), bank.file)  # known five hours earlier than what is filed
    ingest_delivery(bank.spec, bank.lake, restating=lambda: None)
    times = [(row["transaction_id"], row["event_time"]) for row in bank.rows()]
    assert times == [(n, hour(3 * n)) for n in range(20)]
    assert [r["known_time"] for r in bank.rows("labels")] == [hour(3 * n + 168) for n in range(20)]


def test_the_label_of_an_older_version_counts_until_the_newer_one(bank: Bank) -> None:
    bank.deliver(change(delivery(), fraud={4: 1}, seen={4: hour(200)}))
    bank.deliver(delivery().slice(4, 1))
    own = [r for r in bank.rows("labels") if r["transaction_id"] == 4]
    assert [(r["known_time"], r["is_fraud"]) for r in own] == [(hour(180), 0), (hour(200), 1)]


def test_a_corrected_label_was_not_known_before_its_correction(bank: Bank) -> None:
    bank.deliver(delivery())
    late = hour(24 * 60)
    bank.deliver(change(delivery().slice(4, 1), fraud={0: 1}, seen={0: late}))
    own = [r for r in bank.rows("labels") if r["transaction_id"] == 4]
    assert [(r["known_time"], r["is_fraud"]) for r in own] == [(hour(180), 0), (late, 1)]


def test_a_row_and_its_correction_in_one_file(bank: Bank) -> None:
    rows = change(delivery(), id={5: 4}, at={5: hour(12)}, seen={5: hour(100)})
    done = bank.deliver(rows)
    assert (done.rules, done.kept) == ({}, 20)
    own = [r for r in bank.rows() if r["transaction_id"] == 4]
    assert [(r["amount"], r["is_first"]) for r in own] == [(14.0, True), (15.0, False)]


def test_columns_in_another_order_are_the_same_columns(bank: Bank) -> None:
    bank.deliver(delivery())
    text = Path(bank.toml).read_text()
    moved = text.replace('amount = "amt"\n', "").replace(
        'transaction_id = "id"', 'amount = "amt"\ntransaction_id = "id"'
    )
    Path(bank.toml).write_text(moved)
    bank.spec = load_spec(bank.toml)
    source = bank.spec.source.model_copy(
        update={"entities": dict(reversed(bank.spec.source.entities.items()))}
    )
    bank.spec = bank.spec.model_copy(update={"source": source})
    bank.deliver(change(delivery().slice(4, 1), amt={0: 99.0}))
    assert len(amounts(bank)) == 20
    assert amounts(bank)[4] == 99.0


def test_new_columns_need_the_whole_history(bank: Bank) -> None:
    bank.deliver(delivery())
    before = bank.state()
    text = Path(bank.toml).read_text()
    more = 'channel = { column = "channel", kind = "categorical" }'
    Path(bank.toml).write_text(
        text.replace(more, more + '\nweight = { column = "amt", kind = "numeric" }')
    )
    bank.spec = load_spec(bank.toml)
    with pytest.raises(InputError, match=r"weight is new.*12 of its rows are not in this delivery"):
        bank.deliver(delivery().slice(0, 8))
    assert bank.state() == before
    bank.deliver(delivery())
    assert bank.rows()[3]["weight"] == 13.0


def test_ids_that_come_as_text_are_the_numbers_that_are_filed(bank: Bank) -> None:
    bank.deliver(delivery())
    before = bank.state()
    rows = delivery()
    bank.deliver(rows.set_column(0, "id", rows["id"].cast("string")))
    assert bank.state() == before


def test_ids_that_cannot_be_of_the_filed_kind_are_refused(bank: Bank) -> None:
    bank.deliver(delivery())
    before = bank.state()
    rows = delivery()
    texts = pa.array([*map(str, range(19)), "T19"])
    with pytest.raises(InputError, match=r"row 20, column 'id' .* 'T19' is no integer"):
        bank.deliver(rows.set_column(0, "id", texts))
    assert bank.state() == before


def test_rows_that_come_after_a_night_are_known_from_their_arrival_on(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    pq.write_table(delivery(17), bank.file)
    ingest_delivery(bank.spec, bank.lake, as_of=hour(52))
    pq.write_table(delivery(), bank.file)  # rows 17 to 19 happened at 51, 54 and 57
    done = ingest_delivery(bank.spec, bank.lake, as_of=hour(80))
    assert done.late == 1
    assert "1 happened before the date of an earlier night" in done.summary()
    known = {r["transaction_id"]: r["known_time"] for r in bank.rows()}
    arrived = datetime.fromtimestamp(bank.file.stat().st_mtime, UTC)
    assert [known[n] for n in (16, 18)] == [hour(48), hour(54)]
    assert abs(known[17] - arrived) < timedelta(milliseconds=1)
