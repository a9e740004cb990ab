"""The record of a feature version: the definitions and the snapshot that each day was made of."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from expectations.contract import InputError, digest_of
from feature_jobs.io import DataFile
from pipelines.config import Snapshot
from pipelines.lake import DamagedError, Lake

FORMAT = 2


@dataclass(frozen=True, slots=True)
class Source:
    """The rows and labels that days were computed from.

    Attributes:
        snapshot: the versions of both tables.
        digest: of the names of their parts; a table that was begun anew has the numbers of earlier
            versions again.
    """

    snapshot: Snapshot
    digest: str

    def __str__(self) -> str:
        return f"{self.snapshot} {self.digest}"

    @classmethod
    def parse(cls, text: str) -> "Source":
        """Parse `transactions@v3+labels@v3 1f0c…`."""
        snapshot, _, digest = text.partition(" ")
        return cls(Snapshot.parse(snapshot), digest)


@dataclass(frozen=True, slots=True)
class SnapshotParts:
    """The parts of both tables of a snapshot, by day and name."""

    transactions: Sequence[DataFile]
    labels: Sequence[DataFile]

    @property
    def digest(self) -> str:
        """Digest of the names, which are hashes of the contents."""
        return digest_of([[p.path for p in self.transactions], [p.path for p in self.labels]])[:16]


@dataclass(frozen=True, slots=True)
class Record:
    """The inputs of a version.

    Attributes:
        rows: digest of the row columns and of the engine.
        reach: the lookback in days, and True if labels were read.
        definitions: each feature's digest, in the order of the columns.
        days: the source of each day, those without a row of the feature table too.
    """

    rows: str
    reach: tuple[int, bool]
    definitions: Mapping[str, str]
    days: Mapping[str, Source]

    def to_json(self) -> str:
        """Write the record as the note of a version: runs of days that share a source."""
        runs = [
            [str(source), first, last]
            for source, days in groupby(sorted(self.days), key=lambda day: self.days[day])
            for first, last in _runs([date.fromisoformat(day) for day in days])
        ]
        return json.dumps([FORMAT, self.rows, self.reach, dict(self.definitions), runs])

    @classmethod
    def from_json(cls, text: str) -> "Record | None":
        """Parse the note of a version; None if an earlier release wrote it."""
        number, *fields = json.loads(text)
        if number != FORMAT:
            return None
        rows, (span, reads_labels), definitions, runs = fields
        days = {
            day: source
            for text, first, last in runs
            for source in (Source.parse(text),)
            for day in _between(date.fromisoformat(first), date.fromisoformat(last))
        }
        return cls(rows, (span, reads_labels), definitions, days)


def list_parts(lake: Lake, snapshot: Snapshot) -> SnapshotParts:
    """List the parts of a snapshot from the logs of its tables."""
    return SnapshotParts(lake.parts(snapshot.transactions), lake.parts(snapshot.labels))


def find_parts(lake: Lake, source: Source) -> SnapshotParts | None:
    """List the parts of an earlier snapshot; None if the lake has other ones under its name."""
    try:
        found = list_parts(lake, source.snapshot)
    except (InputError, DamagedError):
        return None
    return found if found.digest == source.digest else None


def _runs(days: Sequence[date]) -> list[tuple[str, str]]:
    """Group consecutive days into first and last ones."""
    found: list[tuple[date, date]] = []
    for day in days:
        if found and day - found[-1][1] == timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return [(str(first), str(last)) for first, last in found]


def _between(first: date, last: date) -> list[str]:
    return [str(first + timedelta(days=n)) for n in range((last - first).days + 1)]
