"""The manifest: the units of a source that were read, and when the content of each arrived.

A unit is a file, a range of versions of a Delta table, or the rows of a query up to a value.

It is written last in an ingestion. After a kill before that, the files are read again, which
changes nothing in the lake.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Self

import pyarrow as pa

from expectations.contract import digest_of
from feature_jobs.io import resolve
from pipelines.config import TableVersion
from pipelines.ingestion.readers import Position, SourceFile
from pipelines.lake import ChangedSinceError, Lake

MANIFEST = "manifest"
FINISHED = "overnight.as_of"  # the note with the largest as_of of the finished ingestions
FILED = "overnight.filed"  # the note with the versions of the tables that hold what was read
POSITIONS = "overnight.positions"  # the note with how far each table was read piece by piece
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
        ("kind", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A unit that was read.

    Attributes:
        table: that its rows went to, `transactions` or `labels`.
        name: its address relative to the source; the versions of a Delta table, `payments@v3..v17`;
            the value up to which a query was read.
        size: in bytes.
        modified: when it was last written, a version committed, a query asked.
        etag: the object store's tag of its content; the id of a Delta table.
        sha256: of its bytes; of the log entry of the last version; empty for a query.
        rows: number of rows that were read.
        arrival: when its content became known.
        fingerprint: digest of the declarations by which it was read.
        as_of: of the ingestion that read it.
        vanished: the as_of of the ingestion that first missed it; None while it is there.
        kind: `file`, `delta` or `query`.
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
    kind: str = "file"


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
        positions: how far each table was read piece by piece.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        *,
        latest_as_of: datetime | None,
        at: TableVersion | None,
        filed: Mapping[str, int] | None = None,
        positions: Mapping[str, Position] | None = None,
    ) -> None:
        self._entries: Mapping[tuple[str, str], Entry] = {(e.table, e.name): e for e in entries}
        self.latest_as_of = latest_as_of
        self._at = at
        self._filed = filed or {}
        self._positions = positions or {}

    @classmethod
    def load(cls, lake: Lake) -> Self:
        """Read the manifest; without the table, an empty one."""
        at = lake.latest(MANIFEST)
        noted = None if at is None else lake.note(at, FINISHED)
        if at is None or noted is None:
            return cls([], latest_as_of=None, at=at)  # a kill while the table was created
        entries = [Entry(**row) for row in lake.read(at).to_pylist()]
        filed = json.loads(lake.note(at, FILED) or "{}")
        reached = json.loads(lake.note(at, POSITIONS) or "{}").items()
        positions = {table: Position(**given) for table, given in reached}
        latest = datetime.fromisoformat(noted)
        return cls(entries, latest_as_of=latest, at=at, filed=filed, positions=positions)

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

    def position(self, table: str, *, fingerprint: str) -> Position | None:
        """Return how far a source was read; None where it is to be read from its beginning."""
        position = self._positions.get(table)
        return None if position is None or position.fingerprint != fingerprint else position

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
            entry = self.find(table, file.name) if file.kind == "file" else None
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
            if entry.table == table
            and entry.kind == "file"
            and entry.name not in present
            and entry.vanished is None
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
        entry = self.find(table, file.name) if file.kind == "file" else None
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
        positions: Mapping[str, Position] | None = None,
    ) -> TableVersion:
        """Commit what an ingestion read; its last commit.

        Args:
            lake: that the manifest was loaded from.
            entries: of the files that were read or touched.
            as_of: of the ingestion.
            vanished: entries whose files are gone.
            filed: the tables that hold what was read.
            positions: how far tables were read now.

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
        reached = dict(self._positions) | dict(positions or {})
        return lake.write_table(
            MANIFEST,
            pa.Table.from_pylist(rows, schema=SCHEMA),
            fingerprint=digest_of({"as_of": noted}),
            notes={
                FINISHED: noted,
                POSITIONS: json.dumps({t: asdict(position) for t, position in reached.items()}),
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
    """Return an instant in UTC; a time without a zone is UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
