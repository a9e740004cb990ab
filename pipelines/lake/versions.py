"""The versions of a lake's tables: their parts, columns and notes, from the log alone.

A version never changes, so what was read of it once is kept, until the files of the log changed.
"""

import hashlib
from collections import OrderedDict

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from expectations.contract import InputError
from feature_jobs.io import DataFile
from pipelines.config import TableVersion
from pipelines.lake.delta import (
    OpenedVersion,
    find_table,
    lost_entry,
    open_table,
    read_notes,
)
from pipelines.lake.log_entries import fingerprint_log

FINGERPRINT = "overnight.inputs"
# A step works with a few versions at a time.
REMEMBERED = 32


class Versions:
    """The versions of the tables of one spec below one root folder or object store URL."""

    def __init__(self, root: str, *, spec: str) -> None:
        self.spec = spec
        self.root = f"{root.rstrip('/')}/{spec}"
        self._opened: OrderedDict[TableVersion, OpenedVersion] = OrderedDict()
        self._latest: dict[str, tuple[object, TableVersion]] = {}

    def folder(self, table: str) -> str:
        """Return the folder of a table's parts."""
        return f"{self.root}/{table}"

    def latest(self, table: str) -> TableVersion | None:
        """Return the latest version, or None when the table was never written."""
        log = fingerprint_log(self.folder(table))
        seen = self._latest.get(table)
        if seen is not None and seen[0] == log and seen[1] in self._opened:
            return seen[1]
        delta = find_table(self.folder(table))
        if delta is None:
            return None
        at = TableVersion(table, delta.version())
        self._remember(at, OpenedVersion(delta))  # in place of an earlier reading of the log
        self._latest[table] = (log, at)
        return at

    def parts(self, at: TableVersion) -> list[DataFile]:
        """List the parts of a version, by day and name."""
        return list(self._open(at).parts)

    def files(self, at: TableVersion) -> list[str]:
        """List the addresses of the Parquet files of a version."""
        return [f"{self.folder(at.name)}/{part.path}" for part in self.parts(at)]

    def content_hash(self, at: TableVersion) -> str:
        """Compute SHA-256 over the part names of a version, which are hashes of their bytes."""
        names = "\n".join(part.path for part in self.parts(at))
        return hashlib.sha256(names.encode()).hexdigest()

    def row_count(self, at: TableVersion) -> int:
        """Count the rows of a version, from the log."""
        return sum(part.rows for part in self.parts(at))

    def fingerprint(self, at: TableVersion) -> str | None:
        """Return the digest of a version's inputs, as its writer recorded it."""
        return self.note(at, FINGERPRINT)

    def note(self, at: TableVersion, key: str) -> str | None:
        """Return the note that the writer of a version stored with it under a key."""
        try:
            notes = read_notes(self.folder(at.name), at.version)
        except FileNotFoundError as error:
            self._open(at)  # refuses a version that never was
            raise lost_entry(self.folder(at.name), at.version) from error
        text = notes.get(key)
        return None if text is None else str(text)

    def schema(self, at: TableVersion) -> pa.Schema:
        """Return the columns of a version."""
        return self._open(at).schema

    def _open(self, at: TableVersion) -> OpenedVersion:
        """Return what was read of a version, or read it."""
        found = self._opened.get(at)
        return found or self._remember(at, OpenedVersion(self._pinned(at)))

    def _remember(self, at: TableVersion, opened: OpenedVersion) -> OpenedVersion:
        self._opened[at] = opened
        if len(self._opened) > REMEMBERED:
            self._opened.popitem(last=False)
        return opened

    def _pinned(self, at: TableVersion) -> DeltaTable:
        try:
            # Only the log up to this version is read: damage to later entries does not matter.
            return open_table(self.folder(at.name), version=at.version)
        except DeltaError as error:
            delta = find_table(self.folder(at.name))
            if delta is not None and delta.version() >= at.version:
                raise
            latest = "never written" if delta is None else f"at v{delta.version()}"
            raise InputError(
                f"There is no {at} in {self.root}: the table is {latest}. "
                "Run the step that writes it first."
            ) from error
