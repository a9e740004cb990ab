"""The rows of a day that count: what was known of them at the knowledge time, each once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations import TableName, latest_days
from expectations.contract import IS_FIRST, KNOWN_TIME, LABEL, TRANSACTION_ID, Column
from feature_jobs.io import DataFile
from pipelines.ingestion import only_known
from pipelines.lake import Lake

# Ids of measured days stay in memory up to here, so that comparing them reads no part twice.
_HELD_BYTES = 256 * 2**20


@dataclass(slots=True)
class DayReader:
    """Reads the rows of a day that count.

    Attributes:
        keep: columns that declared expectations read.
        shown: these see the rows of so many days up to the latest.
    """

    lake: Lake
    name: str
    table: TableName
    days: Mapping[str, Sequence[DataFile]]
    columns: Sequence[Column]
    as_of: datetime
    keep: Sequence[str]
    versions: Sequence[str] | None
    shown: int
    _ids: dict[str, pa.Array] = field(default_factory=dict)
    _held: int = 0
    _declared: dict[str, pa.Table] = field(default_factory=dict)
    _likely: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.keep:
            today = str(self.as_of.date())
            self._likely = latest_days([day for day in self.days if day <= today], self.shown)

    def load(self, day: str) -> pa.Table:
        """Read the measured columns of all rows of a day, and whether they are first versions."""
        return self._load(day, [column.name for column in self.columns])

    def select(self, rows: pa.Table) -> pa.Table:
        """Select the rows that count as of the knowledge time.

        Of transactions these are the first versions; of labels, the newest of each transaction,
        unless it says that nothing is known any more.
        """
        if self.versions is None:
            return rows
        known = only_known(rows, self.as_of)
        if IS_FIRST in known.column_names:
            known = known.filter(pc.fill_null(known[IS_FIRST], fill_value=True))
            known = known.drop_columns(IS_FIRST)
        return _newest_labels(known) if self.table == "labels" else known

    def hold(self, day: str, rows: pa.Table) -> None:
        """Keep the ids of rows that count, as long as there is room, and what is declared on."""
        if day in self._likely:
            self._declared[day] = rows.select(list(self.keep))
        ids = rows[TRANSACTION_ID].combine_chunks()
        if self._held + ids.nbytes <= _HELD_BYTES:
            self._held += ids.nbytes
            self._ids[day] = ids

    def declared_rows(self, found: Collection[str]) -> pa.Table | None:
        """Return the rows of the latest days with any, for declared expectations."""
        rows = []
        for day in sorted(latest_days(list(found), self.shown)):
            held = self._declared.get(day)
            if held is None:
                held = self.select(self.load(day)).select(list(self.keep))
            rows.append(held)
        return pa.concat_tables(rows) if rows else None

    def ids_of(self, day: str) -> pa.Array:
        """Return the ids of the rows of a day that count, in their order."""
        if day in self._ids:
            return self._ids[day]
        needed = [TRANSACTION_ID, KNOWN_TIME, *([LABEL] if self.table == "labels" else [])]
        return self.select(self._load(day, needed))[TRANSACTION_ID].combine_chunks()

    def _load(self, day: str, columns: Sequence[str]) -> pa.Table:
        wanted = [*columns]
        if self.versions is not None and IS_FIRST in self.versions:
            wanted.append(IS_FIRST)
        read = [self.lake.read_part(self.name, part, columns=wanted) for part in self.days[day]]
        return pa.concat_tables(read, promote_options="default")


def _newest_labels(rows: pa.Table) -> pa.Table:
    """Select of each transaction what was known last, where that is a label."""
    ids = rows[TRANSACTION_ID]
    if pc.count_distinct(ids, mode="all").as_py() < rows.num_rows:
        codes = ids.combine_chunks().dictionary_encode().indices
        codes = np.asarray(pc.fill_null(codes, -1).to_numpy(zero_copy_only=False)) + 1
        known = np.asarray(rows[KNOWN_TIME].cast(pa.int64()).to_numpy())
        newest = np.full(codes.max() + 1, np.iinfo(np.int64).min)
        np.maximum.at(newest, codes, known)
        rows = rows.filter(pa.array(known == newest[codes]))
    return rows.filter(rows[LABEL].is_valid())
