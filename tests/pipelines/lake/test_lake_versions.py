"""Every reader of the lake, asked about every older version of a table."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable

from expectations.contract import InputError, OvernightError
from pipelines.config.references import TableVersion
from pipelines.lake.tables import Lake
from tests.infra.object_store import running_store

TABLE = "features"
NARROW = ["transaction_id", "event_time", "amount", "event_day"]
WIDE = [*NARROW, "count"]
NOTE = "tests.note"
Reader = Callable[[Lake, TableVersion], object]


@dataclass(frozen=True)
class Written:
    """A version as it was written: its rows (id, day of January, amount), and what was noted."""

    rows: tuple[tuple[int, int, float], ...]
    inputs: str | None
    columns: list[str]


# Version 0 is the table as it was created; a checkpoint comes after 3, other columns with 5.
HISTORY = (
    Written((), None, NARROW),
    Written(((1, 1, 10.0), (2, 2, 20.0)), "a", NARROW),
    Written(((1, 1, 10.0), (2, 2, 21.0)), "b", NARROW),
    Written(((1, 1, 10.0), (2, 2, 21.0), (3, 3, 30.0)), "c", NARROW),
    Written(((1, 1, 10.0), (2, 2, 21.0), (3, 3, 30.0), (4, 4, 40.0)), None, NARROW),
    Written(((5, 1, 50.0), (6, 2, 60.0)), "e", WIDE),
    Written(((5, 1, 50.0), (6, 2, 61.0)), "f", WIDE),
)
READERS: dict[str, Reader] = {
    "parts": lambda lake, at: lake.parts(at),
    "files": lambda lake, at: lake.files(at),
    "content_hash": lambda lake, at: lake.content_hash(at),
    "row_count": lambda lake, at: lake.row_count(at),
    "fingerprint": lambda lake, at: lake.fingerprint(at),
    "note": lambda lake, at: lake.note(at, NOTE),
    "schema": lambda lake, at: lake.schema(at),
    "read": lambda lake, at: lake.read(at).to_pydict(),
    "read_days": lambda lake, at: list(lake.read_days(at, columns=["amount"])),
    "find_damage": lambda lake, at: lake.find_damage(at),
    "find_lost": lambda lake, at: lake.find_lost(at),
    "refuse_damage": lambda lake, at: lake.refuse_damage(at),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Lake]]:
    """The table, in a folder and in S3."""
    with running_store(tmp_path_factory.mktemp("store")) as store:
        lakes = {}
        for place, root in (("folder", str(tmp_path_factory.mktemp("lake"))), ("s3", store)):
            lakes[place] = Lake(root, spec="cards")
            write_history(lakes[place])
        yield lakes


@pytest.fixture(params=["folder", "s3"])
def lake(written: dict[str, Lake], request: pytest.FixtureRequest) -> Lake:
    return written[request.param]


def write_history(lake: Lake) -> None:
    for number, version in enumerate(HISTORY[1:], start=1):
        rows = table(version)
        before = {day for _, day, _ in HISTORY[number - 1].rows}
        if version.inputs is None:
            latest = rows.slice(rows.num_rows - 1)
            lake.append(TABLE, latest, at=TableVersion(TABLE, number - 1))
        else:
            lake.write_days(
                TABLE, rows, fingerprint=version.inputs,
                empty_days=[f"2025-01-{day:02}" for day in before],
            )  # fmt: skip
        if number == 3:
            DeltaTable(lake.folder(TABLE), storage_options=options(lake)).create_checkpoint()
    assert lake.latest(TABLE) == TableVersion(TABLE, len(HISTORY) - 1)


def options(lake: Lake) -> dict[str, str]:
    return {"allow_http": "true"} if lake.root.startswith("s3://") else {}


def table(version: Written) -> pa.Table:
    columns = {
        "transaction_id": pa.array([number for number, _, _ in version.rows], pa.int64()),
        "event_time": pa.array(
            [datetime(2025, 1, day, tzinfo=UTC) for _, day, _ in version.rows],
            pa.timestamp("us", tz="UTC"),
        ),
        "amount": pa.array([amount for _, _, amount in version.rows], pa.float64()),
        "event_day": pa.array([f"2025-01-{day:02}" for _, day, _ in version.rows], pa.string()),
        "count": pa.array([4.0] * len(version.rows), pa.float64()),
    }
    return pa.table({name: columns[name] for name in version.columns})


@pytest.mark.parametrize("number", range(len(HISTORY)))
def test_a_version_reads_as_it_was_written_whatever_came_later(lake: Lake, number: int) -> None:
    version, at = HISTORY[number], TableVersion(TABLE, number)
    assert lake.fingerprint(at) == version.inputs
    assert lake.note(at, "overnight.inputs") == version.inputs
    assert lake.note(at, NOTE) is None
    assert lake.row_count(at) == len(version.rows)
    assert lake.schema(at).names == version.columns
    assert lake.read(at).to_pylist() == table(version).to_pylist()
    assert lake.read(at, columns=["amount"]).column_names == ["amount"]
    days = [f"2025-01-{day:02}" for _, day, _ in version.rows]
    assert [part.day for part in lake.parts(at)] == days
    assert len(lake.files(at)) == len(days)
    large = lake.read(at, where=pc.field("amount") > 25.0)
    assert large["amount"].to_pylist() == [a for _, _, a in version.rows if a > 25.0]
    second = lake.read(at, days=["2025-01-02"])
    assert second["transaction_id"].to_pylist() == [n for n, day, _ in version.rows if day == 2]
    parts = [lake.read_part(TABLE, part, columns=["amount"]) for part in lake.parts(at)]
    assert [a for part in parts for a in part["amount"].to_pylist()] == [
        amount for _, _, amount in version.rows
    ]


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_says_of_an_older_version_what_it_said_when_that_was_the_newest(
    tmp_path: Path, reader: str
) -> None:
    said: list[object] = []
    lake, ask = Lake(str(tmp_path), spec="cards"), READERS[reader]
    for number in range(1, 6):
        at = lake.write_days(TABLE, table(HISTORY[min(number, 3)]), fingerprint=str(number))
        assert at.version == number
        said.append(ask(lake, at))
        if number == 3:
            DeltaTable(lake.folder(TABLE)).create_checkpoint()
    assert [ask(lake, TableVersion(TABLE, number)) for number in range(1, 6)] == said


def test_every_reader_of_a_version_is_among_these() -> None:
    def takes_a_version(method: Callable[..., object]) -> bool:
        given = inspect.signature(method).parameters.get("at")
        return given is not None and given.annotation is TableVersion

    public = {n: m for n, m in inspect.getmembers(Lake, inspect.isfunction) if n[0] != "_"}
    found = {name for name, method in public.items() if takes_a_version(method)}
    assert found - {"add_columns"} == set(READERS)  # that one writes, to the newest version alone


def test_a_version_whose_entry_a_checkpoint_outlived_is_read_and_has_no_notes(
    tmp_path: Path,
) -> None:
    lake = Lake(str(tmp_path), spec="cards")
    write_history(lake)
    at = TableVersion(TABLE, 3)
    (tmp_path / f"cards/{TABLE}/_delta_log/{3:020}.json").unlink()
    assert lake.read(at).to_pylist() == table(HISTORY[3]).to_pylist()
    with pytest.raises(OvernightError, match=r"_delta_log/0+3\.json is missing"):
        lake.fingerprint(at)
    assert lake.fingerprint(TableVersion(TABLE, 5)) == "e"


def test_a_version_that_never_was_has_no_notes(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path), spec="cards")
    with pytest.raises(InputError, match=r"no features@v9.*never written"):
        lake.fingerprint(TableVersion(TABLE, 9))
    write_history(lake)
    with pytest.raises(InputError, match=r"no features@v9.*at v6"):
        lake.fingerprint(TableVersion(TABLE, 9))


@pytest.mark.parametrize("number", range(1, len(HISTORY)))
def test_hashes_of_a_version_are_alike_in_a_folder_and_in_s3(
    written: dict[str, Lake], number: int
) -> None:
    at = TableVersion(TABLE, number)
    folder, s3 = (lake.content_hash(at) for lake in written.values())
    assert folder == s3
