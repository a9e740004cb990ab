"""Files to read, with the times at which their content became known; their record."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pipelines.config import TableVersion
from pipelines.ingestion.manifest import Compared, Entry, Manifest, hash_file
from pipelines.ingestion.readers import SourceFile
from pipelines.lake import Lake

SETTLED = timedelta(seconds=2)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Arrived:
    """A file to read.

    Attributes:
        table: that its rows go to.
        arrival: when its content became known.
        sha256: of its bytes.
        rows: how many were read so far.
    """

    table: str
    file: SourceFile
    arrival: datetime
    sha256: str
    rows: int = 0


def files_to_read(compared: Compared, *, is_full: bool = False) -> list[SourceFile]:
    """List the files to read; of a source whose deliveries are full all, if one differs."""
    differs = compared.new or compared.changed or compared.vanished
    others = compared.unchanged if is_full and differs else ()
    return [*compared.new, *compared.changed, *others]


def arrivals_of(
    manifest: Manifest, table: str, files: Iterable[SourceFile], *, now: datetime
) -> Iterator[Arrived]:
    """Yield files of a table with the times at which their content became known."""
    for file in files:
        sha256 = hash_file(file.address) if file.position is None else file.position.digest
        arrival = manifest.arrival(table, file, now=now, sha256=sha256)
        yield Arrived(table, file, arrival, sha256)


def record_arrivals(
    manifest: Manifest, lake: Lake, read: Sequence[tuple[Arrived, str]],
    compared: Sequence[Compared], filed: Sequence[TableVersion], *, as_of: datetime | None,
    now: datetime,
) -> None:  # fmt: skip
    """Note the files that are filed now; a night without new files still had its knowledge time.

    Args:
        manifest: as it was loaded.
        lake: of it.
        read: what was read, with the fingerprints of their declarations.
        compared: all that was found, beside the manifest.
        filed: tables that hold what was read.
        as_of: the knowledge time of the night; None: it is no night.
        now: time of the listing.
    """
    touched = [entry for each in compared for entry in each.touched]
    gone = [entry for each in compared for entry in each.vanished]
    latest = manifest.latest_as_of
    is_later = as_of is not None and (latest is None or as_of > latest)
    if not (read or touched or gone or is_later):
        return
    entries = [
        Entry(
            each.table, each.file.name, each.file.size,
            # The clock of files is coarse: one written just now may change and look the same.
            each.file.modified if now - each.file.modified > SETTLED else NEVER,
            each.file.etag, each.sha256, each.rows, each.arrival, fingerprint, as_of or NEVER,
        )
        for each, fingerprint in read
        if each.file.position is None
    ]  # fmt: skip
    entries += _join_units(read, as_of=as_of or NEVER)
    positions = {
        each.table: replace(each.file.position, fingerprint=fingerprint)
        for each, fingerprint in read
        if each.file.position is not None
    }
    manifest.record(
        lake, [*entries, *touched], as_of=as_of or latest or NEVER, vanished=gone, filed=filed,
        positions=positions,
    )  # fmt: skip


def _join_units(read: Sequence[tuple[Arrived, str]], *, as_of: datetime) -> list[Entry]:
    """Make the entry of the units that were read of each table: of many versions, their range."""
    joined: dict[str, Entry] = {}
    for each, fingerprint in read:
        file, before = each.file, joined.get(each.table)
        if file.position is None:
            continue
        name, size, rows = file.name, file.size, each.rows
        if before is not None:
            first = before.name.partition("..")[0]
            name = f"{first}..{name.rpartition('@')[2]}"
            size, rows = size + before.size, rows + before.rows
        joined[each.table] = Entry(
            each.table, name, size, file.modified, file.etag, each.sha256, rows, each.arrival,
            fingerprint, as_of, kind=file.kind,
        )  # fmt: skip
    return [*joined.values()]
