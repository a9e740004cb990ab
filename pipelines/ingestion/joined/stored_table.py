"""One joined table in the lake: every version of each key, in parts by the month of its known time.

A night's rows became known within a month or two, so a night writes one or two parts whatever the
table holds; a join reads all of them that became known before its rows. Parts that are written are
read at once and committed last, so an ingestion that is refused leaves the table as it was.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_DAY, KNOWN_TIME, SOURCE_TIME, InputError
from feature_jobs.io import DataFile
from pipelines.config import JoinedTable, TableVersion
from pipelines.ingestion.filing import DayRows, are_equal, held_bytes
from pipelines.ingestion.joined.as_of import NO_ROW, newest_known
from pipelines.ingestion.joined.key_codes import Int64s, KeyCodes
from pipelines.ingestion.joined.month_merge import MergedMonth, merge_month, micros
from pipelines.ingestion.readers import TIMESTAMP
from pipelines.lake import JOINED, Lake, write_rows

# Bytes of a row in memory beside its attributes, and of an attribute: a text, mostly.
NEVER = np.iinfo(np.int64).min
_ROW_BYTES, _VALUE_BYTES = 48, 24


class StoredTable:
    """A joined table with what an ingestion adds to it.

    Args:
        lake: has the table.
        table: its declaration.
        columns: canonical columns of its rows: the key, and the attributes.

    Raises:
        InputError: when the key or the type of an attribute is another than the stored one.
    """

    def __init__(self, lake: Lake, table: JoinedTable, columns: pa.Schema) -> None:
        self.name = f"{JOINED}{table.name}"
        self.keys, self.attributes = list(table.key_columns()), list(table.attributes)
        self._lake, self._table, self._at = lake, table, lake.latest(self.name)
        stored = pa.schema([]) if self._at is None else lake.schema(self._at)
        own = [(name, columns.field(name).type) for name in (*self.keys, *self.attributes)]
        times = [(KNOWN_TIME, TIMESTAMP), (SOURCE_TIME, TIMESTAMP), (EVENT_DAY, pa.string())]
        self._refuse_others(stored, pa.schema(own))
        # Attributes that the spec has no more stay.
        kept = [(field.name, field.type) for field in stored]
        self.schema = pa.schema(list(dict([*kept, *own, *times]).items()))
        self._new = [name for name in self.attributes if stored.names and name not in stored.names]
        parts = [] if self._at is None else lake.parts(self._at)
        self._parts: dict[str, DataFile] = {part.day: part for part in parts}
        self._written: set[str] = set()
        self._held: pa.Table | None = None
        self._joins = 0

    def join(self, rows: pa.Table, times: Int64s) -> tuple[pa.Table, npt.NDArray[np.bool_]]:
        """Find the attributes of rows at some times.

        Args:
            rows: with the columns of the key.
            times: in microseconds, one a row.

        Returns:
            The attributes, one row each, null where no row of the table counts; and whether one
            does.
        """
        found, known_at = self.find(rows, times)
        is_there = known_at != NEVER
        if self._table.max_age is not None:
            longest = self._table.max_age // timedelta(microseconds=1)
            is_there &= times - known_at < longest
        if not is_there.all():
            mask = pa.array(is_there)
            found = {
                name: pc.if_else(mask, values, pa.scalar(None, values.type))
                for name, values in found.items()
            }
        return pa.table(found), is_there

    def find(self, rows: pa.Table, times: Int64s) -> tuple[dict[str, pa.Array], Int64s]:
        """Find attributes, and since when, in microseconds, they were known; whatever their age."""
        keys = KeyCodes([rows[name] for name in self.keys])
        known_at = np.full(len(times), NEVER)
        found = self._empty(rows.num_rows)
        latest = int(times.max(initial=NEVER))
        for versions in self._versions(latest):
            codes = keys.find([versions[name] for name in self.keys])
            mine = np.flatnonzero(codes >= 0)
            known = micros(versions[KNOWN_TIME])[mine]
            place = newest_known(keys.codes, times, codes[mine], known)
            is_found = place != NO_ROW
            if not is_found.any():
                continue
            # Parts come in the order of their months, so what a later one has is newer.
            known_at[is_found] = known[place[is_found]]
            taken = pa.array(np.where(is_found, mine[place], 0), mask=~is_found)
            mask = pa.array(is_found)
            for name, values in found.items():
                given = versions[name].combine_chunks().take(taken)
                found[name] = given if is_found.all() else pc.if_else(mask, given, values)
        return found, known_at

    def news(self, rows: pa.Table, arrival: datetime) -> pa.Table:
        """Select the rows that say something else than what was known when they arrived."""
        at = np.full(rows.num_rows, micros(pa.chunked_array([pa.array([arrival], TIMESTAMP)]))[0])
        before, known_at = self.find(rows, at)
        both = pa.concat_tables([rows.select(self.attributes), pa.table(before)])
        row = np.arange(rows.num_rows)
        same = are_equal(both, row, row + rows.num_rows, self.attributes)
        return rows.filter(pa.array(~(same & (known_at != NEVER))))

    def merge(self, delivered: DayRows, *, is_replacing: bool) -> Iterator[MergedMonth]:
        """Merge delivered rows month by month, and write the parts, not committed yet."""
        for month in delivered.days:
            rows = delivered.read(month)
            if rows is None:
                continue
            before = stored = self.read(month)
            content = [name for name in self.attributes if name not in self._new]
            if self._new and not is_replacing:
                stored = self._fill_new(stored, rows, content)
            merged = merge_month(
                stored, rows, keys=self.keys,
                content=self.attributes, is_replacing=is_replacing,
            )  # fmt: skip
            if merged.changed.num_rows or not merged.rows.equals(before):
                part = write_rows(self._lake.folder(self.name), month, merged.rows)
                self._parts[month] = part
                self._written.add(month)
            self._held = None
            yield merged

    def commit(self, fingerprint: str) -> TableVersion | None:
        """Commit the parts that were written; None when the table was never written."""
        if self._at is not None and not self._written and not self._new:
            return self._at
        if self._at is not None:
            self._lake.add_columns(self._at, self.schema)
        elif not self._written:
            return None
        return self._lake.commit(
            self.name, [self._parts[month] for month in sorted(self._written)], schema=self.schema,
            days=self._written, fingerprint=fingerprint,
        )  # fmt: skip

    def _versions(self, latest: int) -> Iterator[pa.Table]:
        """Yield the rows that became known until a time; from the second join on from memory."""
        self._joins += 1
        if self._held is None and self._joins > 1 and self._size() <= held_bytes():
            tables = [self._empty_table(), *(self.read(m) for m in sorted(self._parts))]
            self._held = pa.concat_tables(tables).combine_chunks()
        if self._held is not None:
            yield self._held
            return
        for month in sorted(self._parts):
            if int(np.datetime64(month, "us").astype(np.int64)) <= latest:
                yield self.read(month)

    def _size(self) -> int:
        count = sum(part.rows for part in self._parts.values())
        return count * (_ROW_BYTES + _VALUE_BYTES * len(self.schema.names))

    def read(self, month: str) -> pa.Table:
        """Read all rows that became known in a month, given by its first day.

        Raises:
            DamagedError: when the month's file is missing or was changed.
        """
        if month not in self._parts:
            return self._empty_table()
        names = [name for name in self.schema.names if name != EVENT_DAY]
        rows = self._lake.read_part(self.name, self._parts[month], columns=names)
        columns = {
            field.name: rows[field.name].cast(field.type)
            if field.name in rows.column_names
            else pa.nulls(rows.num_rows, field.type)
            for field in self.schema
        }
        columns[EVENT_DAY] = pa.array([month], pa.string()).take(
            pa.array(np.zeros(rows.num_rows, np.int64))
        )
        return pa.table(columns, schema=self.schema)

    def _fill_new(self, stored: pa.Table, delivered: pa.Table, content: Sequence[str]) -> pa.Table:
        """Take new attributes of stored rows from delivered ones that equal them otherwise."""
        keys = KeyCodes([stored[name] for name in self.keys])
        codes = keys.find([delivered[name] for name in self.keys])
        pairs = KeyCodes([pa.chunked_array([pa.array(keys.codes)]), stored[KNOWN_TIME]])
        place = pairs.find([pa.chunked_array([pa.array(codes)]), delivered[KNOWN_TIME]])
        from_row = np.full(stored.num_rows, NO_ROW)
        at = np.full(int(pairs.codes.max(initial=-1)) + 1, NO_ROW)
        at[pairs.codes] = np.arange(stored.num_rows)
        row = np.flatnonzero(place >= 0)[::-1]
        own = at[place[row]]
        names = [*self.keys, *content]
        both = pa.concat_tables([stored.select(names), delivered.select(names)])
        same = are_equal(both, own, row + stored.num_rows, content)
        from_row[own[same]] = row[same]
        mask = from_row == NO_ROW
        taken = pa.array(np.where(mask, 0, from_row), mask=mask)
        for name in self._new:
            values = delivered[name].combine_chunks().take(taken)
            stored = stored.set_column(stored.schema.get_field_index(name), name, values)
        return stored

    def _empty(self, count: int) -> dict[str, pa.Array]:
        return {name: pa.nulls(count, self.schema.field(name).type) for name in self.attributes}

    def _empty_table(self) -> pa.Table:
        return self.schema.empty_table()

    def _refuse_others(self, stored: pa.Schema, own: pa.Schema) -> None:
        """Raise an error if stored rows have another key, or another type of an attribute."""
        if not stored.names:
            return
        where = f"source.tables.{self._table.name}"
        attributes = {f.name for f in stored if f.name not in {KNOWN_TIME, SOURCE_TIME, EVENT_DAY}}
        changed = [
            f"{name} was {stored.field(name).type} and is {own.field(name).type}"
            for name in own.names
            if name in stored.names and stored.field(name).type != own.field(name).type
        ]
        changed += [f"{name} is new in its key" for name in self.keys if name not in attributes]
        if changed:
            raise InputError(
                f"{where}: the lake has other columns of it: {', '.join(changed)}. Give the table, "
                "or the attribute, another name."
            )
