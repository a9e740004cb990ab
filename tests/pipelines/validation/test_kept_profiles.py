"""Kept profiles are those of a full pass, whatever came, changed or was withdrawn in between."""

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from expectations.profile import Profile, Profiler
from feature_jobs.io import DataFile
from pipelines.config import table_columns
from pipelines.config.spec import ModelSpec
from pipelines.ingestion.index import IdIndex
from pipelines.lake.tables import Lake
from pipelines.validation.table_profile import profile_parts, profile_version
from tests.pipelines.banks import TIME, Bank

START = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
Row = dict[str, Any]
SPECS = (
    "",
    'allowed = { channel = ["web"] }',
    "amount = { maximum = 15 }",
    """[[contract.expectations]]
name = "expect_column_values_to_be_between"
column = "amount"
max_value = 1000""",
)


class History:
    """Rows of a lake as a list, and what later nights do to them."""

    def __init__(self, seed: int, *, ids: str) -> None:
        self.random = np.random.default_rng(seed)
        self.ids = ids
        self.transactions: list[Row] = []
        self.labels: list[Row] = []
        self.newest = 0

    def add_day(self) -> None:
        for number in range(int(self.random.integers(1, 7))):
            at = START + self.newest * DAY + timedelta(hours=3 * number)
            self.transactions.append(self.transaction(at, at + self.delay()))
        self.newest += 1

    def delay(self) -> timedelta:
        return timedelta(hours=int(self.random.choice([0, 0, 1, 40])))

    def transaction(self, at: datetime, known: datetime) -> Row:
        number = len(self.transactions)
        if self.ids == "uuid":
            return self.row(str(uuid.UUID(bytes=self.random.bytes(16))), at, known)
        if self.ids == "mixed":
            number = (number * 7919) % 10_007
        return self.row(f"t{number}" if self.ids == "text" else number, at, known)

    def row(self, number: object, at: datetime, known: datetime) -> Row:
        return {
            "transaction_id": number,
            "event_time": at,
            "known_time": known,
            "amount": [None, 3.0, float(self.random.integers(1, 30))][self.random.integers(3)],
            "customer_id": int(self.random.integers(3)),
            "channel": [None, "web", "pos", f"new {self.newest}"][self.random.integers(4)],
            "event_day": f"{at:%F}",
            "is_first": True,
        }

    def correct(self) -> None:
        """Add a later version of a row, a row that comes late, a label, one that is taken back."""
        row = self.transactions[self.random.integers(len(self.transactions))]
        later = row["known_time"] + timedelta(hours=int(self.random.integers(1, 90)))
        self.transactions.append(row | {"known_time": later, "is_first": False, "amount": 29.0})
        self.transactions.append(self.transaction(row["event_time"], later))
        label = {key: row[key] for key in ("transaction_id", "event_time", "event_day")}
        for value in self.random.choice([0, 1, None], size=2):
            later += timedelta(hours=int(self.random.integers(1, 90)))
            self.labels.append(label | {"known_time": later, "is_fraud": value})

    def label_all(self) -> None:
        """Let each transaction without a label have one, known an hour later."""
        known = {row["transaction_id"] for row in self.labels}
        for row in self.transactions:
            if row["transaction_id"] not in known:
                label = {key: row[key] for key in ("transaction_id", "event_time", "event_day")}
                later = row["known_time"] + timedelta(hours=1)
                self.labels.append(label | {"known_time": later, "is_fraud": 0})

    def repeat(self) -> None:
        """Let a row stand in another day too, which no ingestion would."""
        row = self.transactions[self.random.integers(len(self.transactions))]
        at = START + int(self.random.integers(self.newest)) * DAY
        self.transactions.append(
            row | {"event_time": at, "known_time": at + DAY, "event_day": f"{at:%F}"}
        )

    def write(self, lake: Lake) -> None:
        days = [f"{START + day * DAY:%F}" for day in range(self.newest)]
        for name in ("transactions", "labels"):
            lake.write_days(name, self.table(name), fingerprint=name, empty_days=days)

    def table(self, name: str) -> pa.Table:
        ids = pa.string() if self.ids in ("text", "uuid") else pa.int64()
        kinds = [("transaction_id", ids), ("event_time", TIME), ("known_time", TIME)]
        if name == "transactions":
            kinds += [("amount", pa.float64()), ("customer_id", pa.int64())]
            kinds += [
                ("channel", pa.string()),
                ("event_day", pa.string()),
                ("is_first", pa.bool_()),
            ]
            return pa.Table.from_pylist(self.transactions, schema=pa.schema(kinds))
        kinds += [("is_fraud", pa.int8()), ("event_day", pa.string())]
        return pa.Table.from_pylist(self.labels, schema=pa.schema(kinds))


def full_pass(spec: ModelSpec, history: History, table: str, as_of: datetime, last: str) -> Profile:
    """Profile what counts, selected row by row."""
    rows = [row for row in getattr(history, table) if row["known_time"] < as_of]
    if table == "transactions":
        rows = [row for row in rows if row["is_first"]]
    else:
        newest: dict[object, Row] = {}
        for row in sorted(rows, key=lambda row: row["known_time"]):
            newest[row["transaction_id"]] = row
        rows = [row for row in newest.values() if row["is_fraud"] is not None]
    rows.sort(key=lambda r: (r["event_time"], r["transaction_id"]))
    keep = [own.columns for own in spec.contract.expectations if own.table == table]
    profiler = Profiler(
        table_columns(spec)[table], as_of=as_of, keep=["transaction_id", *keep[0]] if keep else []
    )
    schema = history.table(table).schema
    for day in sorted({row["event_day"] for row in rows}):
        own = [row for row in rows if row["event_day"] == day]
        profiler.add(day, pa.Table.from_pylist(own, schema=schema))
    return profiler.finish(last=last)


def plain(profile: Profile) -> object:
    """Write a profile so that NaN equals NaN, with metrics in one order."""
    columns = {name: str(values) for name, values in sorted(profile.days.to_pydict().items())}
    kept = None if profile.kept is None else profile.kept.to_pydict()
    examples = {name: ids for name, ids in sorted(profile.examples.items()) if ids}
    return columns, examples, profile.rows, str(kept)


@pytest.mark.parametrize("ids", ["rising", "mixed", "text", "uuid"])
@pytest.mark.parametrize("seed", range(2))
def test_profiles_of_later_nights_are_those_of_a_full_pass(home: Path, seed: int, ids: str) -> None:
    bank, history = Bank(home), History(seed, ids=ids)
    while history.newest < 40:
        history.add_day()
    for night in range(8):
        history.correct()
        if night == 5:
            history.repeat()
        if night == 7:
            history.transactions = [r for r in history.transactions if "05" not in r["event_day"]]
        history.add_day()
        history.write(bank.lake)
        if night in {2, 3, 6}:
            bank.declare(SPECS[night % 4])
        at = START + (history.newest - 6 * (night == 4)) * DAY
        for table in ("transactions", "labels"):
            version = bank.lake.latest(table)
            assert version is not None
            last = f"{at - DAY:%F}"
            found = profile_version(bank.spec, bank.lake, version, as_of=at, last=last)
            expected = full_pass(bank.spec, history, table, at, last)
            assert plain(found) == plain(expected), f"night {night}, {table}"


@pytest.fixture
def written(home: Path) -> tuple[Bank, History]:
    bank, history = Bank(home), History(1, ids="rising")
    for _ in range(5):
        history.add_day()
    history.write(bank.lake)
    return bank, history


def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    found: Counter[str] = Counter()
    original = Lake.read_part

    def counted(lake: Lake, table: str, part: DataFile, **given: Any) -> pa.Table:
        found[part.day] += 1
        return original(lake, table, part, **given)

    monkeypatch.setattr(Lake, "read_part", counted)
    return found


def profile(bank: Bank, days: int = 30, *, table: str = "transactions") -> Profile:
    at = bank.lake.latest(table)
    assert at is not None
    return profile_version(bank.spec, bank.lake, at, as_of=START + days * DAY)


def test_a_night_reads_the_parts_that_changed(
    written: tuple[Bank, History], monkeypatch: pytest.MonkeyPatch
) -> None:
    bank, history = written
    read = reads(monkeypatch)
    profile(bank)
    assert read == Counter([f"2025-01-0{day}" for day in (1, 2, 3, 4, 5)])
    read.clear()
    profile(bank)
    assert not read
    history.add_day()
    history.transactions[0]["amount"] = 17.0
    history.write(bank.lake)
    profile(bank)
    assert read == Counter(["2025-01-01", "2025-01-06"])


def test_a_night_reads_no_other_day_where_ids_are_random(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank, history = Bank(home), History(1, ids="uuid")
    for _ in range(20):
        history.add_day()
    history.label_all()
    history.write(bank.lake)
    for table in ("transactions", "labels"):
        profile(bank, table=table)
    history.add_day()
    history.label_all()
    history.write(bank.lake)
    IdIndex.open(bank.lake)  # as an ingestion does
    read = reads(monkeypatch)
    for table in ("transactions", "labels"):
        assert profile(bank, table=table).examples["transaction_id.repeated"] == ()
        assert read == Counter(["2025-01-21"]), table
        read.clear()


@pytest.mark.parametrize("table", ["transactions", "labels"])
def test_a_random_id_that_stands_on_another_day_is_found_by_reading_that_day(
    home: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    bank, history = Bank(home), History(1, ids="uuid")
    for _ in range(20):
        history.add_day()
    history.label_all()
    history.write(bank.lake)
    profile(bank, table=table)
    twice = next(row for row in history.transactions if row["event_day"] == "2025-01-07")
    at = START + 20 * DAY
    moved = {"event_time": at, "known_time": at, "event_day": "2025-01-21"}
    history.newest += 1
    history.transactions.append(twice | moved)
    label = next(r for r in history.labels if r["transaction_id"] == twice["transaction_id"])
    history.labels.append(label | moved)
    history.write(bank.lake)
    IdIndex.open(bank.lake)
    read = reads(monkeypatch)
    found = profile(bank, table=table)
    days = found.days["event_day"].to_pylist()
    repeated = dict(zip(days, found.values("transaction_id.repeated"), strict=True))
    assert {day: count for day, count in repeated.items() if count} == {"2025-01-21": 1}
    assert set(read) == {"2025-01-07", "2025-01-21"}


def test_rows_known_later_are_read_until_they_count(
    written: tuple[Bank, History], monkeypatch: pytest.MonkeyPatch
) -> None:
    bank, history = written
    latest = max(row["known_time"] for row in history.transactions)
    (day,) = {row["event_day"] for row in history.transactions if row["known_time"] == latest}
    at = bank.lake.latest("transactions")
    assert at is not None
    profile_version(bank.spec, bank.lake, at, as_of=latest)
    read = reads(monkeypatch)
    profile_version(bank.spec, bank.lake, at, as_of=latest)
    assert day in read
    profile_version(bank.spec, bank.lake, at, as_of=latest + timedelta(microseconds=1))
    read.clear()
    profile_version(bank.spec, bank.lake, at, as_of=latest + timedelta(microseconds=1))
    assert not read


def test_days_that_count_later_are_compared_then(written: tuple[Bank, History]) -> None:
    bank, history = written
    profile(bank)
    # The id of a row of day 5 stands in day 2 too, which is looked at while day 5 does not count.
    (row, *_) = [row for row in history.transactions if row["event_day"] == "2025-01-05"]
    at = START + DAY
    history.transactions.append(
        row | {"event_time": at, "known_time": at, "event_day": "2025-01-02"}
    )
    history.write(bank.lake)
    assert profile(bank, days=4).values("transaction_id.repeated").sum() == 0
    assert profile(bank).values("transaction_id.repeated").tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("harm", ["a part", "the log", "all"])
def test_lost_and_damaged_profiles_are_made_again(
    written: tuple[Bank, History], monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    bank, _ = written
    expected = plain(profile(bank))
    folder = Path(bank.lake.folder("profiles"))
    for path in folder.rglob("*.json" if harm == "the log" else "*.parquet"):
        path.write_bytes(b"")
    if harm == "all":
        folder.rename(folder.with_name("away"))
    read = reads(monkeypatch)
    assert plain(profile(bank)) == expected
    assert len(read) == 5
    read.clear()
    assert plain(profile(bank)) == expected
    assert not read


def test_a_kill_before_the_commit_leaves_nothing_that_is_read(
    written: tuple[Bank, History], monkeypatch: pytest.MonkeyPatch
) -> None:
    bank, _ = written
    commit = Lake.commit
    monkeypatch.setattr(Lake, "commit", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        profile(bank)
    monkeypatch.setattr(Lake, "commit", commit)
    assert bank.lake.latest("profiles") is None
    read = reads(monkeypatch)
    profile(bank)
    assert len(read) == 5


def test_parts_that_are_not_committed_are_kept_too(
    written: tuple[Bank, History], monkeypatch: pytest.MonkeyPatch
) -> None:
    bank, _ = written
    at = bank.lake.latest("transactions")
    assert at is not None
    read = reads(monkeypatch)
    for expected in (5, 0):
        read.clear()
        profile_parts(
            bank.spec, bank.lake, "transactions", bank.lake.parts(at), name="transactions",
            as_of=START + 30 * DAY, is_whole=False,
        )  # fmt: skip
        assert len(read) == expected
