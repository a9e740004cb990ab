"""The lake: Delta tables, most of them by event day, committed by delta-rs, addressed by content.

A part is named by the hash of its bytes (`pipelines.lake.day_files`). So a rerun that makes the
same rows makes the same names and commits nothing, a version's content hash needs no read of its
data, and days that two versions share are stored once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from expectations.contract import IS_FIRST, REPLACED_TIME, InputError
from feature_jobs.io import DataFile
from pipelines.config import TableVersion
from pipelines.lake.damage import Damage, DamagedError
from pipelines.lake.day_files import split_days, write_rows
from pipelines.lake.declarations import declaration_of, with_versions
from pipelines.lake.delta import (
    ChangedSinceError,
    OpenedVersion,
    add_fields,
    add_parts_first,
    committing_first,
    create_table,
    find_table,
    open_table,
    replace_parts,
    replace_table,
)
from pipelines.lake.reading import find_damage, find_lost, read_part, read_parts, refuse
from pipelines.lake.versions import FINGERPRINT, Versions


class Lake(Versions):
    """The tables of one spec below one root folder or object store URL."""

    def read(
        self,
        at: TableVersion,
        *,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
        days: Iterable[str] | None = None,
    ) -> pa.Table:
        """Read rows of a version, in the order of the table.

        Args:
            at: the version.
            columns: to return; those of versions are filled where an older lake lacks them. None:
                all that the table has.
            where: condition on the rows; None: all.
            days: to read; None: all.

        Raises:
            DamagedError: naming every part that is missing or was changed.
        """
        lacking = {REPLACED_TIME, IS_FIRST}.intersection(columns or ()) - set(self.schema(at).names)
        if columns is not None and lacking:
            present = [name for name in columns if name not in lacking]
            rows = self.read(at, columns=present, where=where, days=days)
            return with_versions(rows).select(list(columns))
        parts, schema = self._parts_of(at, days), self.schema(at)
        if not parts:
            kept = schema if columns is None else pa.schema([schema.field(c) for c in columns])
            return kept.empty_table()
        folder = self.folder(at.name)
        return pa.concat_tables(
            read_parts(folder, parts, schema=schema, columns=columns, where=where)
        )

    def read_part(self, table: str, part: DataFile, *, columns: Sequence[str]) -> pa.Table:
        """Read columns of one part, committed or not; the event day is not among them.

        Raises:
            DamagedError: when it is missing or was changed.
        """
        return read_part(self.folder(table), part, columns=columns)

    def read_days(
        self, at: TableVersion, *, columns: Sequence[str]
    ) -> Iterator[tuple[str, pa.Table]]:
        """Yield each part's day and columns, read one part at a time.

        Raises:
            DamagedError: naming every part that is missing or was changed.
        """
        for part in self.parts(at):
            try:
                rows = self.read_part(at.name, part, columns=columns)
            except DamagedError:
                self.refuse_damage(at)
                raise
            yield part.day, rows

    def find_damage(self, at: TableVersion, *, days: Iterable[str] | None = None) -> list[Damage]:
        """Find parts of a version that are missing or were changed, by reading every part."""
        found = find_damage(self.folder(at.name), self._parts_of(at, days))
        return [each for each in found if each is not None]

    def find_lost(self, at: TableVersion) -> list[Damage]:
        """Find parts of a version that are missing, of another size or known to be damaged.

        By one listing: a night that reads a few days does not read all others. A part that was
        changed and kept its size is noticed when it is read, and by `overnight check-lake`.
        """
        return find_lost(self.folder(at.name), self.parts(at))

    def refuse_damage(self, at: TableVersion, *, days: Iterable[str] | None = None) -> None:
        """Raise an error if any part of a version, or of some days of it, is damaged.

        Raises:
            DamagedError: naming every damaged part.
        """
        refuse(self.folder(at.name), self.find_damage(at, days=days))

    def write_days(
        self, table: str, rows: pa.Table, *, fingerprint: str, empty_days: Iterable[str] = ()
    ) -> TableVersion:
        """Replace every event day that `rows` holds, in one commit.

        Args:
            table: the table's name.
            rows: with `event_day` and the columns that the table is sorted by; any order.
            fingerprint: digest of the inputs of the rows.
            empty_days: further days, whose rows are removed.
        """
        ordered = declaration_of(table).sort(rows)
        parts = [write_rows(self.folder(table), day, own) for day, own in split_days(ordered)]
        days = {part.day for part in parts} | set(empty_days)
        return self.commit(table, parts, schema=rows.schema, days=days, fingerprint=fingerprint)

    def write_table(
        self,
        table: str,
        rows: pa.Table,
        *,
        fingerprint: str,
        notes: Mapping[str, str] | None = None,
    ) -> TableVersion:
        """Replace all rows of a table without event days, in one commit.

        Raises:
            ValueError: when two rows have the same key.
        """
        declared = declaration_of(table)
        declared.refuse_repeated(rows)
        parts = [write_rows(self.folder(table), "", declared.sort(rows))]
        return self.commit(
            table, parts, schema=rows.schema, days=None, fingerprint=fingerprint, notes=notes
        )

    def commit(
        self,
        table: str,
        parts: Sequence[DataFile],
        *,
        schema: pa.Schema,
        days: Iterable[str] | None,
        fingerprint: str,
        notes: Mapping[str, str] | None = None,
    ) -> TableVersion:
        """Publish parts as the only content of their days; None for `days` means of the table.

        All or nothing. When the table has just these parts for these days and the same fingerprint,
        nothing is committed and the current version is returned.
        """
        known = self.latest(table)
        delta = find_table(self.folder(table)) or self._create(table, schema)
        at = TableVersion(table, delta.version())
        if at != known:
            self._remember(at, OpenedVersion(delta))
        # Compared as sets: readers select by name, and Delta keeps the order of creation.
        same_columns = set(self.schema(at)) == set(schema)
        if not same_columns and days is not None:
            self._refuse_to_lose(at, keeping=set(days))
        replaced = None if days is None or not same_columns else set(days)
        current = [p for p in self.parts(at) if replaced is None or p.day in replaced]
        if {p.path for p in current} == {p.path for p in parts} and self.fingerprint(
            at
        ) == fingerprint:
            return at
        notes = {FINGERPRINT: fingerprint, **(notes or {})}
        with committing_first(
            self.folder(table), at.version,
            f"Another writer replaced the same days of {table} since v{at.version}, and nothing of "
            "this write is in it. Run the step again.",
        ):  # fmt: skip
            if same_columns:
                replace_parts(delta, current, parts, schema=self.schema(at), notes=notes)
            else:
                replace_table(delta, current, parts, schema=schema, notes=notes)
        return TableVersion(table, open_table(self.folder(table)).version())

    def append(self, table: str, rows: pa.Table, *, at: TableVersion | None) -> TableVersion:
        """Add rows to a table, unless another writer committed since a version.

        Args:
            table: the table's name.
            rows: as for `write_days`.
            at: the version that the rows are based on; None when there was none.

        Raises:
            ChangedSinceError: when another writer came first; nothing is added.
        """
        delta = find_table(self.folder(table)) or self._create(table, rows.schema)
        version = 0 if at is None else at.version
        if delta.version() == version:
            parts = [write_rows(self.folder(table), day, own) for day, own in split_days(rows)]
            delta = open_table(self.folder(table), version=version)
            message = f"{table} was written to since v{version}."
            with committing_first(self.folder(table), version, message):
                add_parts_first(delta, parts, schema=rows.schema)
            return TableVersion(table, version + 1)
        raise ChangedSinceError(f"{table} is at v{delta.version()}, no more at v{version}.")

    def add_columns(self, at: TableVersion, schema: pa.Schema) -> TableVersion:
        """Add the columns of a schema that a table lacks; its rows have null in them.

        Raises:
            ChangedSinceError: when another writer came first; nothing is added.
        """
        current = self.schema(at).names
        lacking = pa.schema([field for field in schema if field.name not in current])
        if not lacking.names:
            return at
        delta = open_table(self.folder(at.name))
        if delta.version() != at.version:
            raise ChangedSinceError(f"{at.name} is at v{delta.version()}, no more at {at}.")
        message = f"{at.name} was written to since v{at.version}."
        with committing_first(self.folder(at.name), at.version, message):
            add_fields(delta, lacking)
        return TableVersion(at.name, at.version + 1)

    def _parts_of(self, at: TableVersion, days: Iterable[str] | None) -> list[DataFile]:
        wanted = None if days is None else set(days)
        return [part for part in self.parts(at) if wanted is None or part.day in wanted]

    def _refuse_to_lose(self, at: TableVersion, *, keeping: set[str]) -> None:
        lost = sorted({part.day for part in self.parts(at)} - keeping)
        if lost:
            raise InputError(
                f"The columns of {at} changed, and {len(lost)} of its days ({lost[0]} to "
                f"{lost[-1]}) are not in this write. Write all days of the table in one call."
            )

    def _create(self, table: str, schema: pa.Schema) -> DeltaTable:
        by = declaration_of(table).partition_by
        return create_table(self.folder(table), schema, partition_by=by)
