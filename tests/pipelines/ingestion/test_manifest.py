"""The manifest of read files, over a local folder."""

import hashlib
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from feature_jobs.io import publish
from pipelines.ingestion.manifest import Entry, Manifest, hash_file
from pipelines.lake.delta import ChangedSinceError
from pipelines.lake.tables import Lake
from tests.infra.object_store import running_store

MONDAY = datetime(2025, 3, 3, 6, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
SPEC = "digest of the spec"


@dataclass(frozen=True)
class File:
    name: str
    address: str
    size: int
    modified: datetime
    etag: str | None = None
    kind: str = "file"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"), spec="cards")


def put(folder: Path, name: str, content: str, *, modified: datetime = MONDAY) -> File:
    path = folder / name
    path.write_text(content)
    os.utime(path, (modified.timestamp(), modified.timestamp()))
    return File(name, str(path), len(content), modified)


def entry(file: File, *, arrival: datetime, table: str = "transactions") -> Entry:
    return Entry(
        table, file.name, file.size, file.modified, file.etag, hash_file(file.address), 3,
        arrival, SPEC, MONDAY,
    )  # fmt: skip


def read_all(lake: Lake, *files: File, as_of: datetime = MONDAY) -> None:
    manifest = Manifest.load(lake)
    entries = [entry(f, arrival=manifest.arrival("transactions", f, now=as_of)) for f in files]
    manifest.record(lake, entries, as_of=as_of)


def names(files: tuple[File, ...]) -> list[str]:
    return [file.name for file in files]


def test_a_file_is_new_unchanged_changed_or_vanished(lake: Lake, tmp_path: Path) -> None:
    kept, other, gone = (put(tmp_path, n, "1,2\n") for n in ("a.csv", "b.csv", "c.csv"))
    read_all(lake, kept, other, gone)
    other = put(tmp_path, "b.csv", "1,3\n", modified=TUESDAY)
    added = put(tmp_path, "d.csv", "5,6\n")
    found = Manifest.load(lake).compare("transactions", [kept, other, added], fingerprint=SPEC)
    assert names(found.new) == ["d.csv"]
    assert names(found.changed) == ["b.csv"]
    assert names(found.unchanged) == ["a.csv"]
    assert [e.name for e in found.vanished] == ["c.csv"]
    assert not found.touched


def test_files_of_another_table_are_not_compared(lake: Lake, tmp_path: Path) -> None:
    file = put(tmp_path, "a.csv", "1\n")
    read_all(lake, file)
    found = Manifest.load(lake).compare("labels", [file], fingerprint=SPEC)
    assert names(found.new) == ["a.csv"]
    assert not found.vanished


def test_other_declarations_change_every_file_and_no_arrival(lake: Lake, tmp_path: Path) -> None:
    file = put(tmp_path, "a.csv", "1\n")
    read_all(lake, file)
    manifest = Manifest.load(lake)
    assert names(manifest.compare("transactions", [file], fingerprint="other").changed) == ["a.csv"]
    assert manifest.arrival("transactions", file, now=TUESDAY + timedelta(days=9)) == MONDAY


def test_a_file_written_again_with_the_same_bytes_is_unchanged(lake: Lake, tmp_path: Path) -> None:
    read_all(lake, put(tmp_path, "a.csv", "1,2\n"))
    again = put(tmp_path, "a.csv", "1,2\n", modified=TUESDAY)
    manifest = Manifest.load(lake)
    found = manifest.compare("transactions", [again], fingerprint=SPEC)
    assert names(found.unchanged) == ["a.csv"]
    assert [e.modified for e in found.touched] == [TUESDAY]
    manifest.record(lake, found.touched, as_of=TUESDAY)
    # Not hashed any more: the file need not even be there.
    Path(again.address).unlink()
    found = Manifest.load(lake).compare("transactions", [again], fingerprint=SPEC)
    assert names(found.unchanged) == ["a.csv"]
    assert not found.touched


def test_an_object_with_another_tag_is_hashed(lake: Lake, tmp_path: Path) -> None:
    tagged = replace(put(tmp_path, "a.csv", "1,2\n"), etag="one")
    read_all(lake, tagged)
    Path(tagged.address).write_text("1,9\n")
    compare = Manifest.load(lake).compare
    assert names(compare("transactions", [tagged], fingerprint=SPEC).unchanged) == ["a.csv"]
    other = replace(tagged, etag="two")
    assert names(compare("transactions", [other], fingerprint=SPEC).changed) == ["a.csv"]


def test_content_arrives_when_it_was_written_but_not_before_the_last_ingestion(
    lake: Lake, tmp_path: Path
) -> None:
    first = put(tmp_path, "a.csv", "1\n", modified=MONDAY - timedelta(days=30))
    assert Manifest.load(lake).latest_as_of is None
    assert Manifest.load(lake).arrival("transactions", first, now=MONDAY) == first.modified
    read_all(lake, first, as_of=MONDAY)
    manifest = Manifest.load(lake)
    assert manifest.latest_as_of == MONDAY
    hour = timedelta(hours=1)
    early = put(tmp_path, "b.csv", "2\n", modified=MONDAY - hour)
    late = put(tmp_path, "c.csv", "3\n", modified=MONDAY + hour)
    assert manifest.arrival("transactions", early, now=TUESDAY) == MONDAY
    assert manifest.arrival("transactions", late, now=TUESDAY) == late.modified
    # An as_of in the future is no time at which anything was known.
    assert manifest.arrival("transactions", early, now=MONDAY - hour / 2) == MONDAY - hour / 2
    assert manifest.arrival("transactions", first, now=TUESDAY) == first.modified


def test_the_arrival_of_recorded_content_stays_whatever_its_times(
    lake: Lake, tmp_path: Path
) -> None:
    read_all(lake, put(tmp_path, "a.csv", "1\n", modified=MONDAY - timedelta(days=30)))
    again = put(tmp_path, "a.csv", "1\n", modified=TUESDAY)
    arrival = Manifest.load(lake).arrival(
        "transactions", again, now=TUESDAY, sha256=hashlib.sha256(b"1\n").hexdigest()
    )
    assert arrival == MONDAY - timedelta(days=30)
    other = put(tmp_path, "a.csv", "2\n", modified=TUESDAY)
    assert Manifest.load(lake).arrival("transactions", other, now=TUESDAY) == TUESDAY


def test_a_vanished_file_is_told_once_and_may_come_back(lake: Lake, tmp_path: Path) -> None:
    file = put(tmp_path, "a.csv", "1\n")
    read_all(lake, file)
    manifest = Manifest.load(lake)
    (gone,) = manifest.compare("transactions", [], fingerprint=SPEC).vanished
    manifest.record(lake, [], as_of=TUESDAY, vanished=[gone])
    manifest = Manifest.load(lake)
    assert not manifest.compare("transactions", [], fingerprint=SPEC).vanished
    back = manifest.compare("transactions", [file], fingerprint=SPEC)
    assert names(back.unchanged) == ["a.csv"]
    assert [e.vanished for e in back.touched] == [None]


def test_a_night_without_files_moves_the_latest_as_of_and_never_back(
    lake: Lake, tmp_path: Path
) -> None:
    file = put(tmp_path, "a.csv", "1\n")
    read_all(lake, file, as_of=MONDAY)
    at = Manifest.load(lake).record(lake, [], as_of=TUESDAY)
    assert Manifest.load(lake).latest_as_of == TUESDAY
    again = Manifest.load(lake).record(lake, [], as_of=TUESDAY)
    earlier = Manifest.load(lake).record(lake, [], as_of=MONDAY)
    assert at == again == earlier
    found = Manifest.load(lake).find("transactions", "a.csv")
    assert found == entry(file, arrival=MONDAY)


def test_of_two_ingestions_at_once_the_later_is_refused(lake: Lake, tmp_path: Path) -> None:
    first, second = Manifest.load(lake), Manifest.load(lake)
    first.record(lake, [entry(put(tmp_path, "a.csv", "1\n"), arrival=MONDAY)], as_of=MONDAY)
    with pytest.raises(ChangedSinceError, match="Run this one again"):
        second.record(lake, [entry(put(tmp_path, "b.csv", "1\n"), arrival=MONDAY)], as_of=MONDAY)


def test_a_manifest_and_its_files_may_be_in_an_object_store(tmp_path: Path) -> None:
    with running_store(tmp_path / "store") as store:
        lake, address = Lake(f"{store}/lake", spec="cards"), f"{store}/source/a.csv"
        publish(address, b"1,2\n")
        file = File("a.csv", address, 4, MONDAY, "tag")
        read_all(lake, file)
        again = replace(file, modified=TUESDAY, etag="other tag")
        found = Manifest.load(lake).compare("transactions", [again], fingerprint=SPEC)
        assert names(found.unchanged) == ["a.csv"]
        assert Manifest.load(lake).latest_as_of == MONDAY


def test_a_file_is_hashed_in_blocks(tmp_path: Path) -> None:
    content = os.urandom((9 << 20) + 3)
    (tmp_path / "large").write_bytes(content)
    assert hash_file(str(tmp_path / "large")) == hashlib.sha256(content).hexdigest()
