"""The tables of a lake: the key of a row, the order of the rows, the partition.

A new table is one entry here. A table that is not declared has the form of most: by event day, one
row a transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from expectations.contract import (
    EVENT_DAY,
    EVENT_TIME,
    IS_FIRST,
    KNOWN_TIME,
    REPLACED_TIME,
    TRANSACTION_ID,
)

BY_TIME = (EVENT_TIME, TRANSACTION_ID)


@dataclass(frozen=True, slots=True)
class Table:
    """A declared table.

    Attributes:
        name: of its folder below the lake's root.
        keys: columns that together occur once.
        sort_by: the order of the rows in a part; columns that a table lacks are left out.
        partition: the event day, a part a day; None for a table that is one part.
    """

    name: str
    keys: tuple[str, ...] = (TRANSACTION_ID,)
    sort_by: tuple[str, ...] = BY_TIME
    partition: str | None = EVENT_DAY

    @property
    def partition_by(self) -> list[str]:
        """The columns of the partition, as Delta wants them."""
        return [] if self.partition is None else [self.partition]

    def order_of(self, columns: Sequence[str]) -> list[tuple[str, Literal["ascending"]]]:
        """Return the sort keys of rows with some columns."""
        own = [*self.partition_by, *self.sort_by]
        return [(name, "ascending") for name in own if name in columns]

    def sort(self, rows: pa.Table) -> pa.Table:
        """Return rows in the order of the table."""
        return rows.sort_by(self.order_of(rows.column_names))

    def refuse_repeated(self, rows: pa.Table) -> None:
        """Raise an error if two rows have the same key.

        Raises:
            ValueError: naming the key.
        """
        if rows.group_by(list(self.keys)).aggregate([]).num_rows != rows.num_rows:
            msg = f"{self.name} holds one row for each ({', '.join(self.keys)})"
            raise ValueError(msg)


VERSION = (TRANSACTION_ID, KNOWN_TIME)
TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table("transactions", keys=VERSION, sort_by=(*BY_TIME, KNOWN_TIME)),
        Table("labels", keys=VERSION, sort_by=(*BY_TIME, KNOWN_TIME)),
        Table("quarantine", keys=()),
        Table("manifest", keys=("table", "name"), sort_by=("table", "name"), partition=None),
        Table("features"),
        Table("training_sets"),
        Table("scores"),
        # The number of a record is stored as its transaction id.
        Table("decisions"),
    )
}


JOINED = "joined_"  # and the name of a table that the spec joins to transactions


def declaration_of(name: str) -> Table:
    """Return the declaration of a table.

    A joined table has a part for each month in which rows became known, named by its first day; its
    key are columns that the spec names.
    """
    if name.startswith(JOINED):
        return Table(name, keys=(), sort_by=(KNOWN_TIME,))
    return TABLES.get(name) or Table(name)


def with_versions(rows: pa.Table) -> pa.Table:
    """Fill the columns of versions that rows of an older lake lack.

    Each of its rows is the only version of a transaction: the first, and not replaced.

    >>> with_versions(pa.table({"transaction_id": [7]})).to_pylist()
    [{'transaction_id': 7, 'replaced_time': None, 'is_first': True}]
    """
    if REPLACED_TIME not in rows.column_names:
        times = pa.nulls(rows.num_rows, pa.timestamp("us", tz="UTC"))
        rows = rows.append_column(REPLACED_TIME, times)
    if IS_FIRST not in rows.column_names:
        first = pa.repeat(pa.scalar(value=True), rows.num_rows)
        rows = rows.append_column(IS_FIRST, first)
    return rows
