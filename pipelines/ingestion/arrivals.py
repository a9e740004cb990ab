"""Files to read, with the times at which their content became known."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from pipelines.ingestion.manifest import Compared, Manifest, hash_file
from pipelines.ingestion.readers import SourceFile


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
        sha256 = hash_file(file.address)
        arrival = manifest.arrival(table, file, now=now, sha256=sha256)
        yield Arrived(table, file, arrival, sha256)
