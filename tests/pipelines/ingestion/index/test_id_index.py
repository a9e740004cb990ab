"""The id index beside a dictionary of the days of each id."""

import json
import os
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipelines.ingestion.index import fences, merging, runs
from pipelines.ingestion.index.id_index import IdIndex
from pipelines.ingestion.index.repeated_ids import DeliveredIds
from pipelines.ingestion.readers.values.hashes import hash_ids
from pipelines.lake.check import check_table
from pipelines.lake.tables import Lake
from pipelines.lake.vacuum import vacuum_tables
from tests.infra.object_store import running_store

TABLE = "transactions"
Days = Mapping[int, Sequence[int]]  # day of January: its ids


EPOCH = datetime.fromtimestamp(0, UTC)


@pytest.fixture(autouse=True)
def small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run of 64 entries be full, so that few ids make runs of every tier."""
    for module in (runs, merging):
        monkeypatch.setattr(module, "CAP", 64)
    monkeypatch.setattr(runs, "CHUNK", 8)
    monkeypatch.setattr(fences, "BLOCK", 2)
    monkeypatch.setattr(merging, "FAN_IN", 3)
    monkeypatch.setattr(merging, "TIERS", (7, 21, 64))
    monkeypatch.setattr(merging, "RANGE", 16)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path), spec="cards")


def spell(day: int) -> str:
    return f"2025-01-{day:02}"


def ids_of(numbers: Sequence[int], *, as_text: bool) -> pa.Array:
    if as_text:
        return pa.array([f"payment-{number:x}" for number in numbers], pa.string())
    return pa.array(numbers, pa.int64())


def write(lake: Lake, days: Days, *, as_text: bool = False) -> None:
    """Replace days of the table."""
    numbers = [number for own in days.values() for number in own]
    days_of = [day for day, own in days.items() for _ in own]
    times = [datetime(2025, 1, day, tzinfo=UTC) for day in days_of]
    rows = pa.table(
        {
            "transaction_id": ids_of(numbers, as_text=as_text),
            "event_time": pa.array(times, pa.timestamp("us", tz="UTC")),
            "event_day": [spell(day) for day in days_of],
        }
    )
    empty = [spell(day) for day, own in days.items() if not own]
    lake.write_days(TABLE, rows, fingerprint="f", empty_days=empty)


def find(index: IdIndex, numbers: Sequence[int], *, as_text: bool = False) -> dict[int, set[str]]:
    hits = index.find_days(ids_of(numbers, as_text=as_text))
    found = defaultdict(set)
    for position, day in zip(hits.positions.tolist(), hits.days, strict=True):
        found[numbers[position]].add(str(day))
    return dict(found)


def expected(days: Days, numbers: Sequence[int]) -> dict[int, set[str]]:
    held = {n: {spell(day) for day, own in days.items() if n in own} for n in numbers}
    return {number: own for number, own in held.items() if own}


def entries(index: IdIndex) -> int:
    return sum(run.entries for run in index.runs)


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_every_day_of_every_id_is_found_however_the_days_came(
    lake: Lake, seed: int, *, as_text: bool
) -> None:
    chance = random.Random(seed)
    days: dict[int, list[int]] = {}
    asked = list(range(-5, 205))
    for _ in range(14):
        for day in chance.sample(range(1, 29), chance.randint(1, 3)):
            added = chance.sample(range(200), chance.randint(1, 30))
            days[day] = sorted({*days.get(day, []), *added})  # rows are added, none is removed
            write(lake, {day: days[day]}, as_text=as_text)
        index = IdIndex.open(lake)
        assert find(index, asked, as_text=as_text) == expected(days, asked)
        # Each pair is stored once, though days were written again and again.
        assert entries(index) == sum(map(len, days.values()))
    assert len(index.runs) < 14


def test_no_table_has_no_days(lake: Lake) -> None:
    assert find(IdIndex.open(lake), [1, 2]) == {}


def test_an_id_that_is_asked_twice_is_found_twice(lake: Lake) -> None:
    write(lake, {1: [7, 8], 2: [7]})
    hits = IdIndex.open(lake).find_days(pa.chunked_array([[7, 9], [7]]))
    assert hits.positions.tolist() == [0, 0, 2, 2]
    assert [str(day) for day in hits.days] == [spell(1), spell(2)] * 2


def test_a_day_that_lost_an_id_may_still_be_named(lake: Lake) -> None:
    write(lake, {1: [7, 8]})
    IdIndex.open(lake)
    write(lake, {1: [8], 2: [7]})
    assert find(IdIndex.open(lake), [7, 8]) == {7: {spell(1), spell(2)}, 8: {spell(1)}}


def harm_size(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def harm_hashes(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)


def harm_days(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [Path.unlink, harm_size, harm_hashes, harm_days])
@pytest.mark.parametrize("number", [0, -1])
def test_a_damaged_run_makes_the_index_be_built_anew(lake: Lake, harm: object, number: int) -> None:
    days: Days = {1: list(range(40)), 2: list(range(30, 90))}
    write(lake, {1: days[1]})
    IdIndex.open(lake)
    write(lake, {2: days[2]})
    made = IdIndex.open(lake).runs
    assert len(made) > 1
    harm(Path(lake.folder(TABLE)) / "_ids" / made[number].name)  # type: ignore[operator]
    index = IdIndex.open(lake)
    assert find(index, range(100)) == expected(days, range(100))
    assert entries(index) == 100


def test_runs_that_another_process_merged_since_are_found_in_its_list(lake: Lake) -> None:
    days: dict[int, list[int]] = {1: [1, 2, 3]}
    write(lake, days)
    early = IdIndex.open(lake)
    for day in range(2, 9):
        days[day] = [day, day + 100]
        write(lake, {day: days[day]})
        late = IdIndex.open(lake)
    assert not set(early.runs) & set(late.runs)
    assert find(early, range(110)) == expected(days, range(110))
    assert early.runs == late.runs


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 0}', '{"format": 1, "runs": [{}]}'])
def test_a_damaged_list_makes_the_index_be_built_anew(lake: Lake, content: str) -> None:
    days: Days = {1: [1, 2], 2: [2, 3]}
    write(lake, days)
    IdIndex.open(lake)
    (Path(lake.folder(TABLE)) / "_ids" / "runs.json").write_text(content)
    assert find(IdIndex.open(lake), range(5)) == expected(days, range(5))


def test_a_run_written_before_a_kill_is_written_again(lake: Lake) -> None:
    write(lake, {1: [1, 2], 2: [2, 3]})
    listed = Path(lake.folder(TABLE)) / "_ids" / "runs.json"
    IdIndex.open(lake)
    names = set(listed.parent.iterdir())
    listed.unlink()  # the kill came before the list was replaced
    IdIndex.open(lake)
    assert set(listed.parent.iterdir()) == names


def test_the_files_are_those_that_the_list_names(lake: Lake) -> None:
    for day in range(1, 20):
        write(lake, {day: list(range(day * 10, day * 10 + 9))})
        index = IdIndex.open(lake)
    folder = Path(lake.folder(TABLE)) / "_ids"
    assert {path.name for path in folder.iterdir()} == {
        "runs.json", *(run.name for run in index.runs)
    }  # fmt: skip
    named = json.loads((folder / "runs.json").read_text())
    at = lake.latest(TABLE)
    assert at is not None
    assert named["covered"] == [part.path for part in lake.parts(at)]


def test_what_a_killed_process_left_is_removed_after_days(lake: Lake) -> None:
    write(lake, {1: [1, 2]})
    IdIndex.open(lake)
    folder = Path(lake.folder(TABLE)) / "_ids"
    for name, age_days in (("run-old", 3), ("run-x.partial", 3), ("run-young", 1)):
        (folder / name).write_bytes(b"")
        written = datetime.now(UTC).timestamp() - age_days * 86_400
        os.utime(folder / name, (written, written))
    write(lake, {2: [1, 3]})
    IdIndex.open(lake)
    assert not {"run-old", "run-x.partial"} & {path.name for path in folder.iterdir()}
    assert (folder / "run-young").exists()


def test_the_lakes_own_upkeep_leaves_the_index_alone(lake: Lake) -> None:
    write(lake, {1: [1, 2]})
    IdIndex.open(lake)
    assert vacuum_tables(lake, now=datetime(2125, 1, 1, tzinfo=UTC)) == 0
    assert not check_table(lake, TABLE).problems
    assert entries(IdIndex.open(lake)) == 2


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_store(tmp_path_factory.mktemp("store")) as address:
        yield address


def test_an_index_in_an_object_store_is_what_it_is_in_a_folder(store: str) -> None:
    lake, days = Lake(f"{store}/ids", spec="cards"), {}
    for day in range(1, 8):
        days[day] = list(range(day * 6, day * 10))
        write(lake, {day: days[day]}, as_text=True)
        index = IdIndex.open(lake)
        assert find(index, range(80), as_text=True) == expected(days, range(80))
    assert len(index.runs) < 7


# Of https://rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64: the first number of a seed.
def test_an_integer_is_hashed_by_splitmix64() -> None:
    assert hash_ids(pa.array([1234567], pa.int64())).tolist() == [6457827717110365317]
    assert hash_ids(pa.array([1234567], pa.int32())).tolist() == [6457827717110365317]


def test_a_texts_hash_is_of_its_words_of_eight_bytes() -> None:
    def mix(state: int) -> int:
        mixed = (state + 0x9E3779B97F4A7C15) % 2**64
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
        return mixed ^ (mixed >> 31)

    def by_hand(text: str) -> int:
        content = text.encode()
        state = mix(len(content))
        for start in range(0, len(content), 8):
            state = mix(state ^ int.from_bytes(content[start : start + 8], "little"))
        return state

    texts = ["", "a", "äöü", "abcdefgh", "abcdefghi", "x" * 40, "abcdefgh\0", "é" * 333]
    for ids in (pa.array(texts), pa.array(["first", *texts]).slice(1), pa.chunked_array([texts])):
        assert hash_ids(ids).tolist() == [by_hand(text) for text in texts]
    assert (
        hash_ids(pa.array(texts).dictionary_encode()).tolist()
        == hash_ids(pa.array(texts, pa.large_string())).tolist()
    )


@pytest.mark.parametrize("seed", range(4))
def test_ids_on_several_days_of_a_delivery_or_the_table_are_found(lake: Lake, seed: int) -> None:
    chance = random.Random(seed)
    filed = {day: chance.sample(range(300), 20) for day in (1, 2, 3)}
    write(lake, filed)
    delivered = {day: chance.sample(range(300), 30) for day in (2, 3, 4, 5)}
    ids, first = DeliveredIds(), (datetime(2025, 1, 1, tzinfo=UTC) - EPOCH).days - 1
    for day, own in delivered.items():
        ids.add(pa.array(own, pa.int64()), np.full(len(own), first + day, np.int32))
    asked = np.sort(hash_ids(pa.array(range(300), pa.int64())))
    survey = ids.survey(IdIndex.open(lake), asked)
    ids.close()
    days = defaultdict(set)
    for table in (filed, delivered):
        for day, own in table.items():
            for number in own:
                days[number].add(day)
    wanted = [
        number
        for number in sorted({n for own in delivered.values() for n in own})
        if len(days[number]) > 1
    ]
    assert wanted
    hashes = {n: int(hash_ids(pa.array([n], pa.int64()))[0]) for n in range(300)}
    assert survey.repeated.tolist() == sorted(hashes[n] for n in wanted)
    assert set(survey.repeated_days - first) == {day for n in wanted for day in days[n]}
    found = {(asked[p], day - first) for p, day in zip(survey.positions, survey.days, strict=True)}
    assert found == {(hashes[n], day) for n, own in days.items() for day in own}
    # The delivery is indexed before it is filed.
    later = IdIndex.open(lake).find_hashes(asked)
    assert {(asked[p], day - first) for p, day in zip(*later, strict=True)} == found
