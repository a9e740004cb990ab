"""The manifest: the files of a source that were read, and when the content of each arrived.

It is written last in an ingestion. After a kill before that, the files are read again, which
changes nothing in the lake.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Self

import pyarrow as pa

from expectations.contract import digest_of
from feature_jobs.io import resolve
from pipelines.config import TableVersion
from pipelines.ingestion.readers import SourceFile
from pipelines.lake import ChangedSinceError, Lake

MANIFEST = "manifest"
FINISHED = "overnight.as_of"  # the note with the largest as_of of the finished ingestions
FILED = "overnight.filed"  # the note with the versions of the tables that hold what was read
BLOCK_BYTES = 4 << 20
_TIME = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        ("table", pa.string()),
        ("name", pa.string()),
        ("size", pa.int64()),
        ("modified", _TIME),
        ("etag", pa.string()),
        ("sha256", pa.string()),
        ("rows", pa.int64()),
        ("arrival", _TIME),
        ("fingerprint", pa.string()),
        ("as_of", _TIME),
        ("vanished", _TIME),
    ]
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that was read.

    Attributes:
        table: that its rows went to, `transactions` or `labels`.
        name: its address relative to the source.
        size: in bytes.
        modified: when it was last written.
        etag: the object store's tag of its content.
        sha256: of its bytes.
        rows: number of rows that were read.
        arrival: when its content became known.
        fingerprint: digest of the declarations by which it was read.
        as_of: of the ingestion that read it.
        vanished: the as_of of the ingestion that first missed it; None while it is there.
    """

    table: str
    name: str
    size: int
    modified: datetime
    etag: str | None
    sha256: str
    rows: int
    arrival: datetime
    fingerprint: str
    as_of: datetime
    vanished: datetime | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """The files of a source beside the manifest.

    Attributes:
        new: never read.
        changed: other content than when they were read, or another fingerprint.
        unchanged: need not be read.
        vanished: entries whose files are gone since the last ingestion, told once.
        touched: entries of unchanged files that were written anew with the same content, with
            their new size and times: recording them saves the next night from hashing again.
    """

    new: tuple[SourceFile, ...]
    changed: tuple[SourceFile, ...]
    unchanged: tuple[SourceFile, ...]
    vanished: tuple[Entry, ...]
    touched: tuple[Entry, ...]


class Manifest:
    """The manifest of a lake as it was loaded.

    Args:
        entries: one a table and file.
        latest_as_of: the largest as_of of the finished ingestions; None before the first.
        at: the version of the table; None when there is none.
        filed: the versions of the tables that hold what was read, by name.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        *,
        latest_as_of: datetime | None,
        at: TableVersion | None,
        filed: Mapping[str, int] | None = None,
    ) -> None:
        self._entries: Mapping[tuple[str, str], Entry] = {(e.table, e.name): e for e in entries}
        self.latest_as_of = latest_as_of
        self._at = at
        self._filed = filed or {}

    @classmethod
    def load(cls, lake: Lake) -> Self:
        """Read the manifest; without the table, an empty one."""
        at = lake.latest(MANIFEST)
        noted = None if at is None else lake.note(at, FINISHED)
        if at is None or noted is None:
            return cls([], latest_as_of=None, at=at)  # a kill while the table was created
        entries = [Entry(**row) for row in lake.read(at).to_pylist()]
        filed = json.loads(lake.note(at, FILED) or "{}")
        return cls(entries, latest_as_of=datetime.fromisoformat(noted), at=at, filed=filed)

    def is_of(self, lake: Lake) -> bool:
        """Return True if the lake's tables have what the manifest says was filed.

        A table that was restored from a backup, or moved away, has less.
        """
        for table, version in self._filed.items():
            at = lake.latest(table)
            if at is None or at.version < version:
                return False
        return True

    def unread(self) -> Self:
        """Return the manifest with every file to be read again; arrivals stay as they are."""
        entries = [replace(entry, fingerprint="") for entry in self._entries.values()]
        return type(self)(entries, latest_as_of=self.latest_as_of, at=self._at)

    def find(self, table: str, name: str) -> Entry | None:
        """Return the entry of a file; None when it was never read."""
        return self._entries.get((table, name))

    def compare(self, table: str, files: Sequence[SourceFile], *, fingerprint: str) -> Compared:
        """Find the files that have to be read.

        A file with another time or tag is hashed: one with the recorded content is unchanged.

        Args:
            table: that their rows go to.
            files: all files of its source.
            fingerprint: digest of the declarations by which they would be read.
        """
        new, changed, unchanged, touched = [], [], [], []
        for file in files:
            entry = self.find(table, file.name)
            if entry is None:
                new.append(file)
                continue
            looks_same = _looks_same(file, entry)
            if entry.fingerprint != fingerprint or not (looks_same or _has_content(file, entry)):
                changed.append(file)
                continue
            unchanged.append(file)
            if not looks_same or entry.vanished is not None:
                touched.append(_renewed(entry, file))
        present = {file.name for file in files}
        vanished = [
            entry
            for entry in self._entries.values()
            if entry.table == table and entry.name not in present and entry.vanished is None
        ]
        return Compared(
            tuple(new), tuple(changed), tuple(unchanged), tuple(vanished), tuple(touched)
        )

    def arrival(
        self, table: str, file: SourceFile, *, now: datetime, sha256: str | None = None
    ) -> datetime:
        """Return when the content of a file became known.

        That is its modification time, or the largest as_of of earlier ingestions if that is later,
        so that no earlier training set changes. Content that is recorded keeps its arrival.

        Args:
            table: that its rows go to.
            file: as it is listed.
            now: the bound of an as_of that lies in the future.
            sha256: of its bytes, where the caller has it.
        """
        entry = self.find(table, file.name)
        if entry is not None and (_looks_same(file, entry) or sha256 == entry.sha256):
            return entry.arrival
        modified = _instant(file.modified)
        if self.latest_as_of is None:
            return modified
        return max(modified, min(self.latest_as_of, now))

    def record(
        self,
        lake: Lake,
        entries: Sequence[Entry],
        *,
        as_of: datetime,
        vanished: Sequence[Entry] = (),
        filed: Sequence[TableVersion] = (),
    ) -> TableVersion:
        """Commit what an ingestion read; its last commit.

        Args:
            lake: that the manifest was loaded from.
            entries: of the files that were read or touched.
            as_of: of the ingestion.
            vanished: entries whose files are gone.
            filed: the tables that hold what was read.

        Raises:
            ChangedSinceError: when another ingestion finished since the manifest was loaded.
        """
        latest = lake.latest(MANIFEST)
        if latest != self._at:
            raise ChangedSinceError(
                f"Another ingestion into {lake.root} finished meanwhile. Run this one again."
            )
        finished = as_of if self.latest_as_of is None else max(as_of, self.latest_as_of)
        gone = [replace(entry, vanished=as_of) for entry in vanished]
        kept = {**self._entries, **{(e.table, e.name): e for e in (*gone, *entries)}}
        names = [field.name for field in fields(Entry)]
        rows = [{name: getattr(entry, name) for name in names} for entry in kept.values()]
        noted = finished.astimezone(UTC).isoformat()
        return lake.write_table(
            MANIFEST,
            pa.Table.from_pylist(rows, schema=SCHEMA),
            fingerprint=digest_of({"as_of": noted}),
            notes={
                FINISHED: noted,
                FILED: json.dumps(dict(self._filed) | {at.name: at.version for at in filed}),
            },
        )


def hash_file(address: str) -> str:
    """Compute SHA-256 over the bytes of a file, read in blocks."""
    filesystem, path = resolve(address)
    digest = hashlib.sha256()
    with filesystem.open_input_file(path) as file:
        while block := file.read_buffer(BLOCK_BYTES):
            digest.update(memoryview(block))
    return digest.hexdigest()


def _looks_same(file: SourceFile, entry: Entry) -> bool:
    listed = (file.size, _instant(file.modified), file.etag)
    return listed == (entry.size, entry.modified, entry.etag)


def _has_content(file: SourceFile, entry: Entry) -> bool:
    return file.size == entry.size and hash_file(file.address) == entry.sha256


def _renewed(entry: Entry, file: SourceFile) -> Entry:
    modified = _instant(file.modified)
    return replace(entry, size=file.size, modified=modified, etag=file.etag, vanished=None)


def _instant(at: datetime) -> datetime:
    """Return an instant in UTC, which is what a time without a zone is."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
