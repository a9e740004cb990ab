"""Files of the lake that were changed, lost or cut: who notices, what it says, what repairs it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from expectations.contract import InputError, OvernightError
from pipelines import steps
from pipelines.config.installation.settings import load_settings
from pipelines.config.references import Snapshot, TableVersion
from pipelines.ingestion.ingest import ingest_delivery
from pipelines.ingestion.repair import repair_lake
from pipelines.lake.check import check_table
from pipelines.lake.tables import Lake
from pipelines.lake.vacuum import vacuum_tables
from pipelines.validation.validate import validate_snapshot
from tests.pipelines.banks import Bank, change, delivery
from tests.pipelines.forgery import rewrite_in_place, tenfold

AS_OF = "2025-02-01"
TABLES = ("transactions", "labels", "quarantine")
Harm = Callable[[Path], None]


def rewrite(path: Path) -> None:
    rewrite_in_place(path, tenfold)


def flip(path: Path) -> None:
    """One bit, and as many bytes as before."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


HARMS: dict[str, Harm] = {
    "rewritten": rewrite,
    "flipped": flip,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "empty": lambda path: path.write_bytes(b""),
    "missing": Path.unlink,
}


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bank:
    monkeypatch.setenv("OVERNIGHT_HOME", str(tmp_path))
    monkeypatch.delenv("OVERNIGHT_LAKE", raising=False)
    load_settings.cache_clear()
    return Bank(tmp_path)


SOURCE = change(delivery(20), amt={3: -1.0})


def newest_file(lake: Lake, table: str) -> Path:
    at = lake.latest(table)
    assert at is not None
    return Path(lake.files(at)[0])


def snapshot_of(lake: Lake) -> str:
    rows, labels = lake.latest("transactions"), lake.latest("labels")
    assert rows is not None
    assert labels is not None
    return str(Snapshot(rows, labels))


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_file_is_named_with_versions_hashes_and_remedy(bank: Bank, harm: str) -> None:
    bank.deliver(SOURCE)
    path = newest_file(bank.lake, "transactions")
    written = path.stem.removeprefix("part-")[:12]
    HARMS[harm](path)
    with pytest.raises(OvernightError) as caught:
        bank.rows()
    text = str(caught.value)
    assert f"transactions@v1: event_day=2025-01-01/{path.name}" in text
    assert written in text
    hashes = set(re.findall(r"\b[0-9a-f]{12}\b", text))
    assert len(hashes) == (1 if harm == "missing" else 2)
    assert '"overnight repair cards"' in text
    assert not isinstance(caught.value, InputError)


def test_all_damaged_files_are_named_at_once(bank: Bank) -> None:
    done = bank.deliver(SOURCE)
    files = [Path(name) for name in bank.lake.files(done.transactions)]
    assert len(files) == 3
    for path in files:
        rewrite(path)
    for read in (
        lambda: bank.lake.read(done.transactions, columns=["amount"]),
        lambda: list(bank.lake.read_days(done.transactions, columns=["amount"])),
        lambda: validate_snapshot(
            bank.toml, AS_OF, snapshot=Snapshot.parse(snapshot_of(bank.lake))
        ),
    ):
        with pytest.raises(OvernightError) as caught:
            read()
        assert all(path.name in str(caught.value) for path in files)


def test_a_file_of_several_versions_is_named_with_all_of_them(bank: Bank) -> None:
    bank.deliver(SOURCE)
    path = newest_file(bank.lake, "transactions")
    bank.deliver(change(SOURCE, amt={19: 5.0}))
    assert bank.lake.latest("transactions") == TableVersion("transactions", 2)
    rewrite(path)
    with pytest.raises(OvernightError, match="transactions@v1 to v2: "):
        bank.lake.read(TableVersion("transactions", 1))


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("table", TABLES)
def test_the_true_source_repairs(bank: Bank, table: str, harm: str) -> None:
    bank.deliver(SOURCE)
    before, path = bank.state(), newest_file(bank.lake, table)
    content = path.read_bytes()
    HARMS[harm](path)
    assert repair_lake(bank.spec, bank.lake) == (1, 1)
    assert path.read_bytes() == content
    assert bank.state() == before


def test_a_day_of_two_deliveries_is_repaired_by_the_second(bank: Bank) -> None:
    bank.deliver(SOURCE)
    later = delivery(6, first=20)  # its first rows are of the last day of the first delivery
    bank.deliver(later)
    before = bank.state()
    (path,) = [Path(f) for f in bank.lake.files(TableVersion("transactions", 2)) if "01-03" in f]
    content = path.read_bytes()
    rewrite(path)
    assert repair_lake(bank.spec, bank.lake) == (1, 1)
    assert path.read_bytes() == content
    assert bank.state() == before


def test_another_file_repairs_nothing_and_changes_nothing(bank: Bank) -> None:
    bank.deliver(SOURCE)
    before, path = bank.state(), newest_file(bank.lake, "transactions")
    rewrite(path)
    forged = path.read_bytes()
    with pytest.raises(OvernightError, match=path.name):
        bank.deliver(change(SOURCE, amt={0: 11.5}))
    assert path.read_bytes() == forged
    assert bank.state() == before


def test_a_write_of_the_same_rows_replaces_wrong_bytes(bank: Bank) -> None:
    done = bank.deliver(SOURCE)
    rows = bank.lake.read(done.transactions)
    for harm in HARMS.values():
        harm(newest_file(bank.lake, "transactions"))
        at = bank.lake.write_days("transactions", rows, fingerprint=str(
            bank.lake.fingerprint(done.transactions)
        ))  # fmt: skip
        assert at == done.transactions
        assert bank.lake.read(at).equals(rows)


def test_the_check_names_every_damaged_file_of_every_version(bank: Bank) -> None:
    bank.deliver(SOURCE)
    old = newest_file(bank.lake, "transactions")
    bank.deliver(change(SOURCE, amt={0: 11.5}))
    new = newest_file(bank.lake, "transactions")
    assert old != new
    assert "Every file is what was written." in steps.check_lake(bank.toml)
    rewrite(old)
    new.unlink()
    flip(newest_file(bank.lake, "labels"))
    with pytest.raises(OvernightError) as caught:
        steps.check_lake(bank.toml)
    text = str(caught.value)
    assert f"transactions@v1: event_day=2025-01-01/{old.name} was changed" in text
    assert f"transactions@v2: event_day=2025-01-01/{new.name} is missing" in text
    assert "labels@v1" in text
    assert '"overnight repair cards"' in text
    assert "transactions: 3 versions, 4 files" in text
    assert not isinstance(caught.value, InputError)


def test_the_check_of_a_lake_without_tables_says_so(bank: Bank) -> None:
    with pytest.raises(InputError, match="holds no tables yet"):
        steps.check_lake(bank.toml)


def entry(lake: Lake, table: str, version: int) -> Path:
    return Path(lake.folder(table)) / "_delta_log" / f"{version:020}.json"


def keep_lines(path: Path, count: int) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:count]))


# What a crash, a full disk or a hand leaves of a log entry.
ENTRIES: dict[str, Harm] = {
    "not JSON": lambda path: path.write_bytes(b"nonsense"),
    "not text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "cut in a line": lambda path: path.write_bytes(path.read_bytes()[:-30]),
    "cut at a line": lambda path: keep_lines(path, 2),
    "its head alone": lambda path: keep_lines(path, 1),
    "empty": lambda path: path.write_bytes(b""),
    "a list": lambda path: path.write_text("[]\n"),
    "no action": lambda path: path.write_text("{}\n"),
    "an action that is none": lambda path: path.write_text('{"add": 3}\n'),
}


@pytest.mark.parametrize("harm", ENTRIES)
def test_a_damaged_newest_log_entry_is_named_by_whoever_opens_the_table(
    bank: Bank, harm: str
) -> None:
    bank.deliver(SOURCE)
    snapshot = snapshot_of(bank.lake)
    ENTRIES[harm](entry(bank.lake, "transactions", 1))
    for act in (
        lambda: bank.lake.latest("transactions"),
        lambda: ingest_delivery(bank.spec, bank.lake),
        lambda: validate_snapshot(bank.toml, AS_OF, snapshot=Snapshot.parse(snapshot)),
        lambda: steps.build_features(bank.toml, AS_OF, snapshot),
        lambda: steps.check_lake(bank.toml),
    ):
        with pytest.raises(OvernightError) as caught:
            act()
        text = str(caught.value)
        assert "_delta_log/00000000000000000001.json" in text
        assert "from a backup" in text
        assert '"overnight ingest cards --as-of AS_OF"' in text
        assert not isinstance(caught.value, InputError)


@pytest.mark.parametrize("harm", [*ENTRIES, "missing"])
def test_a_damaged_older_log_entry_is_named(bank: Bank, harm: str) -> None:
    bank.deliver(SOURCE)
    for amount in (11.5, 12.5):
        bank.deliver(change(SOURCE, amt={0: amount}))
    (ENTRIES | {"missing": Path.unlink})[harm](entry(bank.lake, "transactions", 2))
    later = Lake(bank.lake.root.removesuffix("/cards"), spec="cards")  # of the next step
    with pytest.raises(OvernightError, match=r"_delta_log/0+2\.json"):
        later.read(TableVersion("transactions", 2))
    with pytest.raises(OvernightError, match=r"_delta_log/0+2\.json"):
        steps.check_lake(bank.toml)
    # The one before is what it was.
    assert later.row_count(TableVersion("transactions", 1)) == 19


def test_a_lost_log_is_named_by_the_check(bank: Bank) -> None:
    bank.deliver(SOURCE)
    for path in (Path(bank.lake.folder("labels")) / "_delta_log").iterdir():
        path.unlink()
    with pytest.raises(OvernightError, match="labels: _delta_log has no entries"):
        steps.check_lake(bank.toml)


@pytest.mark.parametrize(
    ("harm", "named"), [("cut", "checkpoint.parquet"), ("missing", "_last_checkpoint")]
)
def test_a_damaged_checkpoint_is_named_and_can_be_removed(
    bank: Bank, harm: str, named: str
) -> None:
    bank.deliver(SOURCE)
    DeltaTable(bank.lake.folder("labels")).create_checkpoint()
    log = Path(bank.lake.folder("labels")) / "_delta_log"
    (path,) = log.glob("*.checkpoint.parquet")
    HARMS[harm](path)
    with pytest.raises(OvernightError, match=rf"{named} .*can be removed"):
        bank.lake.latest("labels")
    assert any(named in line for line in check_table(bank.lake, "labels").problems)
    path.unlink(missing_ok=True)
    (log / "_last_checkpoint").unlink()
    assert bank.lake.latest("labels") == TableVersion("labels", 1)


def test_nothing_is_swept_while_a_log_entry_is_damaged(bank: Bank) -> None:
    done = bank.deliver(SOURCE)
    for amount in (11.5, 12.5):
        bank.deliver(change(SOURCE, amt={0: amount}))
    ENTRIES["empty"](entry(bank.lake, "transactions", 2))
    before = set(Path(bank.lake.folder("transactions")).rglob("part-*"))
    vacuum_tables(bank.lake, now=datetime.now(UTC) + timedelta(days=3))
    assert set(Path(bank.lake.folder("transactions")).rglob("part-*")) == before
    assert bank.lake.row_count(done.transactions) == 19
