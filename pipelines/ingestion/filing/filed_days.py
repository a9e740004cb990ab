"""The filed rows of a table by day: read with the columns of a new schema, and written anew."""

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    IS_FIRST,
    KNOWN_TIME,
    REPLACED_TIME,
    SOURCE_TIME,
    STATE,
    STATED_TIME,
    TRANSACTION_ID,
)
from feature_jobs.io import DataFile
from pipelines.config import TableVersion
from pipelines.ingestion.filing.rejoined import Rejoin
from pipelines.lake import Lake, write_rows

# Columns that a table may lack which was written before versions were kept.
LATER_COLUMNS = frozenset({REPLACED_TIME, IS_FIRST, SOURCE_TIME, STATED_TIME, STATE})


class FiledDays:
    """The rows of one version of a table.

    Args:
        lake: has the table.
        table: its name.
        schema: the columns that its rows are to have.
        at: the version; None where it was never written.
        has_known_time: True if the source gives known times of its own.
        joined: the join of rows that need one.
    """

    def __init__(
        self, lake: Lake, table: str, schema: pa.Schema, *, at: TableVersion | None,
        has_known_time: bool, joined: Rejoin | None = None,
    ) -> None:  # fmt: skip
        self.table, self.schema, self.at = table, schema, at
        self.lake, self.has_known_time = lake, has_known_time
        parts = [] if self.at is None else lake.parts(self.at)
        self.row_count = sum(part.rows for part in parts)
        self._paths = {part.day: part.path for part in parts}
        before = pa.schema([]) if self.at is None else lake.schema(self.at)
        self.columns_before = before
        after = set(schema.names)
        self.lost = [n for n in before.names if n not in after]
        self.new = [
            column.name for column in schema
            if self.at is not None and column.name not in LATER_COLUMNS
            and (column.name not in before.names or before.field(column.name).type != column.type)
        ]  # fmt: skip

        attributes = [] if joined is None else joined.attributes
        self._joined = joined
        self._anew = [name for name in self.new if name in attributes]

    @property
    def days(self) -> frozenset[str]:
        """Days with rows."""
        return frozenset(self._paths)

    @property
    def is_reshaped(self) -> bool:
        """True if the table has other columns than its rows are to have."""
        return bool(self.new or self.lost)

    def read(self, day: str) -> pa.Table:
        """Read all rows of a day.

        Raises:
            DamagedError: when the day's file is missing or was changed.
        """
        if self.at is None or day not in self._paths:
            return self.schema.empty_table()
        rows = self.lake.read(self.at, days=[day])
        filed = dict(zip(rows.column_names, rows.columns, strict=True))
        columns = {}
        for column in self.schema:
            name = column.name
            absent = name not in filed or name in self.new
            values = pa.nulls(rows.num_rows, column.type) if absent else filed[name]
            if name == IS_FIRST:
                values = pc.fill_null(values, fill_value=True)
            if name == STATED_TIME or (name == SOURCE_TIME and self.has_known_time):
                values = pc.coalesce(values, rows[KNOWN_TIME])
            columns[name] = values
        return pa.table(columns, schema=self.schema)

    @property
    def joined_days(self) -> frozenset[str]:
        """Days whose rows are joined again: all, where an attribute of a joined table is new."""
        if self._joined is None:
            return frozenset()
        return self.days if self._anew else self.days & self._joined.days

    def join(self, day: str, rows: pa.Table) -> pa.Table:
        """Join filed rows of a day with what counts for them now; the same table if it did."""
        if self._joined is None or day not in self.joined_days:
            return rows
        return self._joined.join(rows, self._anew)

    def write(self, day: str, rows: pa.Table) -> DataFile | None:
        """Write the rows of a day, not committed yet; None without rows."""
        if not rows.num_rows:
            return None
        return write_rows(self.lake.folder(self.table), day, rows)

    def differs(self, day: str, part: DataFile | None) -> bool:
        """Return True if the day's file is another one than this."""
        return self._paths.get(day) != (None if part is None else part.path)

    def fill_new(self, filed: pa.Table, delivered: pa.Table) -> tuple[pa.Table, int]:
        """Take new columns of filed rows from delivered ones; count the rows that lack one.

        A filed version that the source does not deliver any more, beside one of the same
        transaction that it does, has null in the new columns.
        """
        place = pc.index_in(
            filed[TRANSACTION_ID], value_set=delivered[TRANSACTION_ID].combine_chunks()
        ).combine_chunks()
        if SOURCE_TIME in filed.column_names and self.has_known_time:
            given = delivered[SOURCE_TIME].combine_chunks().take(place)
            same = pc.equal(given, filed[SOURCE_TIME].combine_chunks())
            exact = pc.if_else(same, place, pa.scalar(None, place.type))
        else:
            exact = place
        delivered_ones = [name for name in self.new if name not in self._anew]
        if not delivered_ones and not self.lost:
            return filed, 0
        for name in delivered_ones:
            values = (
                delivered[name].combine_chunks().take(exact).cast(filed.schema.field(name).type)
            )
            filed = filed.set_column(filed.schema.get_field_index(name), name, values)
        return filed, place.null_count
