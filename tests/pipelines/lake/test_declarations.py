"""Tables with and without event days, their order, and the known times of their parts."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from pipelines.lake.check import check_table
from pipelines.lake.declarations import Table, declaration_of, with_versions
from pipelines.lake.tables import Lake
from pipelines.lake.vacuum import vacuum_tables

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")
LATER = datetime(2125, 1, 1, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path), spec="cards")


def files(*names: str) -> pa.Table:
    return pa.table({"table": ["labels"] * len(names), "name": list(names)})


def versions(*given: tuple[int, datetime | None]) -> pa.Table:
    """Rows of one moment, each (id, known time)."""
    return pa.table(
        {
            "transaction_id": pa.array([number for number, _ in given], pa.int64()),
            "event_time": pa.array([NOON] * len(given), TIME),
            "known_time": pa.array([known for _, known in given], TIME),
            "event_day": ["2025-01-01"] * len(given),
        }
    )


def test_a_table_without_event_days_is_replaced_whole(lake: Lake) -> None:
    first = lake.write_table("manifest", files("b", "a"), fingerprint="f", notes={"n": "1"})
    assert lake.read(first).to_pydict()["name"] == ["a", "b"]
    assert lake.note(first, "n") == "1"
    assert lake.write_table("manifest", files("a", "b"), fingerprint="f") == first
    second = lake.write_table("manifest", files("c"), fingerprint="f")
    assert lake.read(second).to_pydict()["name"] == ["c"]
    assert lake.read(first).to_pydict()["name"] == ["a", "b"]
    (part,) = lake.parts(second)
    assert part.day == ""
    assert DeltaTable(lake.folder("manifest")).metadata().partition_columns == []


def test_two_rows_of_one_key_are_refused(lake: Lake) -> None:
    with pytest.raises(ValueError, match=r"one row for each \(table, name\)"):
        lake.write_table("manifest", files("a", "b", "a"), fingerprint="f")
    assert lake.latest("manifest") is None


def test_the_upkeep_of_a_lake_knows_tables_without_event_days(lake: Lake) -> None:
    at = lake.write_table("manifest", files("a"), fingerprint="f")
    orphan = Path(lake.folder("manifest")) / "part-0123456789abcdef0123.parquet"
    orphan.write_bytes(b"")
    os.utime(orphan, (0, 0))
    assert not check_table(lake, "manifest").problems
    assert vacuum_tables(lake, now=LATER) == 1
    assert not orphan.exists()
    assert lake.read(at).num_rows == 1
    Path(lake.files(at)[0]).unlink()
    assert any("move the folder" in line for line in check_table(lake, "manifest").problems)


def test_versions_of_a_transaction_stand_in_the_order_of_their_known_times(lake: Lake) -> None:
    hour = timedelta(hours=1)
    given = [(2, NOON), (1, NOON + 2 * hour), (1, NOON), (1, NOON + hour)]
    at = lake.write_days("transactions", versions(*given), fingerprint="f")
    read = lake.read(at)
    assert list(zip(*(read[c].to_pylist() for c in ("transaction_id", "known_time")), strict=True))\
        == [(1, NOON), (1, NOON + hour), (1, NOON + 2 * hour), (2, NOON)]  # fmt: skip


def test_a_part_says_between_which_times_its_rows_became_known(lake: Lake) -> None:
    known = (NOON + timedelta(microseconds=1), NOON + timedelta(days=3, microseconds=999_999))
    at = lake.write_days(
        "transactions", versions((1, known[1]), (2, known[0]), (3, NOON + timedelta(days=1))),
        fingerprint="f",
    )  # fmt: skip
    for _ in ("entry", "checkpoint"):
        (part,) = Lake(str(Path(lake.root).parent), spec="cards").parts(at)
        assert (part.known_from, part.known_until) == known
        DeltaTable(lake.folder("transactions")).create_checkpoint()


@pytest.mark.parametrize("known", [None, "table", "year"])
def test_a_part_without_readable_known_times_says_nothing(lake: Lake, known: str | None) -> None:
    rows = versions((1, None))
    if known == "table":
        rows = rows.drop_columns(["known_time"])
    if known == "year":
        wild = pa.array([-(2**62)], pa.int64()).cast(TIME)
        rows = rows.set_column(2, "known_time", wild)
    at = lake.write_days("quarantine", rows, fingerprint="f")
    (part,) = lake.parts(at)
    assert (part.known_from, part.known_until) == (None, None)


def test_a_table_that_is_not_declared_is_by_event_day() -> None:
    assert declaration_of("rows") == Table("rows")
    assert declaration_of("rows").partition == "event_day"


def test_rows_of_an_older_lake_are_first_versions_that_hold() -> None:
    filled = with_versions(versions((1, NOON), (2, NOON)))
    assert filled["is_first"].to_pylist() == [True, True]
    assert filled["replaced_time"].to_pylist() == [None, None]
    assert filled.schema.field("replaced_time").type == TIME
    own = filled.set_column(5, "is_first", pa.array([True, False]))
    assert with_versions(own).equals(own)


def test_an_older_lake_is_read_with_the_columns_of_versions(lake: Lake) -> None:
    at = lake.write_days("transactions", versions((1, NOON), (2, NOON)), fingerprint="f")
    columns = ["is_first", "transaction_id", "replaced_time"]
    expected = [
        {"is_first": True, "transaction_id": number, "replaced_time": None} for number in (1, 2)
    ]
    read = lake.read(at, columns=columns)
    assert read.to_pylist() == expected
    assert read.column_names == columns
    assert lake.read(at, columns=columns, days=[]).schema == read.schema
