"""Parts that a night finds to be lost by a listing, and those that a reader found before."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.config.references import TableVersion
from pipelines.lake.check import check_table
from pipelines.lake.damage import DamagedError
from pipelines.lake.tables import Lake

DAYS = ("2025-01-01", "2025-01-02", "2025-01-03")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path), spec="cards")


@pytest.fixture
def at(lake: Lake) -> TableVersion:
    times = pa.array([1_735_689_600_000_000 + n * 86_400_000_000 for n in range(3)])
    rows = pa.table(
        {
            "transaction_id": [1, 2, 3],
            "event_time": times.cast(pa.timestamp("us", tz="UTC")),
            "event_day": list(DAYS),
        }
    )
    return lake.write_days("features", rows, fingerprint="f")


def file_of(lake: Lake, at: TableVersion, number: int) -> Path:
    return Path(lake.files(at)[number])


def flip(path: Path) -> bytes:
    """Change one bit, not the size; return the bytes before."""
    before = path.read_bytes()
    path.write_bytes(before[:20] + bytes([before[20] ^ 1]) + before[21:])
    return before


def lost_days(lake: Lake, at: TableVersion) -> list[str]:
    return [damage.day for damage in lake.find_lost(at)]


def test_missing_files_and_those_of_another_size_are_lost(lake: Lake, at: TableVersion) -> None:
    assert lost_days(lake, at) == []
    file_of(lake, at, 0).unlink()
    path = file_of(lake, at, 2)
    path.write_bytes(path.read_bytes() + b"x")
    assert lost_days(lake, at) == [DAYS[0], DAYS[2]]


def check(lake: Lake, _: TableVersion) -> None:
    problems = check_table(lake, "features").problems
    if problems:
        raise DamagedError(str(problems))


READERS: dict[str, Callable[[Lake, TableVersion], object]] = {
    "read": lambda lake, at: lake.read(at),
    "read_part": lambda lake, at: lake.read_part(
        "features", lake.parts(at)[1], columns=["transaction_id"]
    ),
    "check": check,
}


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_kept_its_size_is_lost_once_a_reader_saw_it(
    lake: Lake, at: TableVersion, reader: str
) -> None:
    before = flip(file_of(lake, at, 1))
    assert lost_days(lake, at) == []
    with pytest.raises(DamagedError, match=DAYS[1]):
        READERS[reader](lake, at)
    assert lost_days(lake, at) == [DAYS[1]]
    file_of(lake, at, 1).write_bytes(before)
    assert lost_days(lake, at) == []
    assert not list((Path(lake.folder("features")) / ".damage").iterdir())


def test_damage_is_named_where_nothing_may_be_written(
    lake: Lake, at: TableVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    flip(file_of(lake, at, 1))
    monkeypatch.setattr("pipelines.lake.reading.replace", refuse)
    with pytest.raises(DamagedError, match=DAYS[1]):
        lake.read(at)
