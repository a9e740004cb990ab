"""Filed transactions beside the joined tables: joined again, or corrected by what came later."""

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    EVENT_TIME,
    IS_FIRST,
    KNOWN_TIME,
    REPLACED_TIME,
    STATED_TIME,
    TRANSACTION_ID,
    WITHDRAWN,
)
from pipelines.config import JoinedTable
from pipelines.ingestion.filing import ARRIVAL, are_equal
from pipelines.ingestion.joined.as_of import NO_ROW, newest_known
from pipelines.ingestion.joined.key_codes import Int64s, KeyCodes
from pipelines.ingestion.joined.month_merge import micros
from pipelines.ingestion.joined.stored_table import NEVER, StoredTable
from pipelines.ingestion.readers import TIMESTAMP
from pipelines.lake import Lake

LATEST = np.iinfo(np.int64).max


class FiledRows:
    """The filed transactions for which other rows of joined tables count after a delivery.

    Args:
        lake: has the transactions.
        table: of transactions.
        tables: the joined tables, with the delivered rows.
        changes: of each, the keys and known times of rows that are new in it.
    """

    def __init__(
        self, lake: Lake, table: str, tables: Sequence[tuple[JoinedTable, StoredTable]],
        changes: Sequence[Sequence[pa.Table]],
    ) -> None:  # fmt: skip
        self._tables = list(tables)
        self.attributes = [name for _, stored in tables for name in stored.attributes]
        at, late = lake.latest(table), []
        days: set[str] = set()
        for (declared, stored), changed in zip(tables, changes, strict=True):
            if at is None or not changed:
                continue
            rows = pa.concat_tables(changed)
            if declared.is_identity:
                late.append(rows[TRANSACTION_ID])
                continue
            keys = KeyCodes([rows[name] for name in stored.keys])
            known = micros(rows[KNOWN_TIME])
            first = np.full(int(keys.codes.max(initial=-1)) + 1, LATEST)
            np.minimum.at(first, keys.codes, known)
            start = str(np.datetime64(int(known.min()), "us").astype("datetime64[D]"))
            for part in lake.parts(at):
                if part.day >= start and part.day not in days:
                    own = lake.read_part(table, part, columns=[EVENT_TIME, *stored.keys])
                    codes = keys.find([own[name] for name in stored.keys])
                    is_known = codes >= 0
                    if (first[codes[is_known]] <= micros(own[EVENT_TIME])[is_known]).any():
                        days.add(part.day)
        self.days = frozenset(days)
        chunks = [chunk for ids in late for chunk in ids.chunks]
        self.late_ids = pa.chunked_array(chunks) if chunks else None

    @property
    def are_affected(self) -> bool:
        """True if another row counts for any of them, or may."""
        return bool(self.days) or self.late_ids is not None

    def join(self, rows: pa.Table, new: Collection[str]) -> pa.Table:
        """Join filed rows again; the same table if nothing changes.

        Rows that are known with their transaction are joined only where an attribute is new.
        """
        tables = [
            (declared, stored)
            for declared, stored in self._tables
            if not declared.is_identity or not set(new).isdisjoint(stored.attributes)
        ]
        names = [name for _, stored in tables for name in stored.attributes]
        if not names or not rows.num_rows:
            return rows
        joined = join_all(tables, rows).select(rows.column_names).cast(rows.schema)
        at = np.arange(rows.num_rows)
        both = pa.concat_tables([rows, joined])
        return rows if are_equal(both, at, at + rows.num_rows, names).all() else joined

    def keep(self, filed: pa.Table, delivered: pa.Table) -> pa.Table:
        """Give redelivered rows the attributes that came with them, or with their corrections."""
        names = [
            name for declared, stored in self._tables if declared.is_identity
            for name in stored.attributes
        ]  # fmt: skip
        if not names or not filed.num_rows or not delivered.num_rows:
            return delivered
        ids = KeyCodes([delivered[TRANSACTION_ID]])
        filed = filed.sort_by(KNOWN_TIME)
        codes, known = ids.find([filed[TRANSACTION_ID]]), micros(filed[KNOWN_TIME]).copy()
        # Before the first version there is none to take the attributes of: it counts from ever on.
        held, firsts = np.unique(codes, return_index=True)
        known[firsts[held >= 0]] = NEVER
        place = newest_known(ids.codes, micros(delivered[ARRIVAL]), codes, known)
        is_new = place == NO_ROW
        taken, mask = pa.array(np.where(is_new, 0, place), mask=is_new), pa.array(is_new)
        for name in names:
            values = pc.if_else(
                mask, delivered[name].combine_chunks(), filed[name].combine_chunks().take(taken)
            )
            at = delivered.schema.get_field_index(name)
            delivered = delivered.set_column(at, name, values)
        return delivered

    def late(self, versions: pa.Table) -> pa.Table:
        """Make the corrections of transactions whose own rows of a joined table came later.

        Args:
            versions: all of some transactions.

        Returns:
            Rows as of a delivery, known at the arrival of what corrects them.
        """
        if self.late_ids is None:
            return versions.slice(0, 0)
        ids = self.late_ids.combine_chunks()
        newest = versions.filter(
            pc.and_(versions[REPLACED_TIME].is_null(), pc.is_in(versions[TRANSACTION_ID], ids))
        )
        rows, arrival = newest, np.full(newest.num_rows, NEVER)
        for declared, stored in self._tables:
            if declared.is_identity and newest.num_rows:
                found, known = stored.find(newest, np.full(newest.num_rows, LATEST))
                both = pa.concat_tables([newest.select(stored.attributes), pa.table(found)])
                at = np.arange(newest.num_rows)
                same = are_equal(both, at, at + newest.num_rows, stored.attributes)
                arrival = np.where(same, arrival, np.maximum(arrival, known))
                for name, values in found.items():
                    rows = rows.set_column(rows.schema.get_field_index(name), name, values)
        rows = rows.drop_columns([REPLACED_TIME, IS_FIRST])
        rows = rows.append_column(WITHDRAWN, pa.array(np.zeros(rows.num_rows, np.bool_)))
        for name in (STATED_TIME, ARRIVAL):
            rows = rows.append_column(name, pa.array(arrival).cast(TIMESTAMP))
        return rows.filter(pa.array(arrival != NEVER))


def join_all(tables: Sequence[tuple[JoinedTable, StoredTable]], rows: pa.Table) -> pa.Table:
    """Append the attributes of each row, as they were known at its event time."""
    own = {name for _, stored in tables for name in stored.attributes}
    rows = rows.select([name for name in rows.column_names if name not in own])
    for declared, stored in tables:
        found, _ = stored.join(rows, _moments(declared, rows))
        for name in stored.attributes:
            rows = rows.append_column(name, found[name])
    return rows


def _moments(table: JoinedTable, rows: pa.Table) -> Int64s:
    """Return the moments, in microseconds, whose knowledge rows are joined with."""
    if table.is_identity:
        return np.full(rows.num_rows, LATEST)
    times = rows[EVENT_TIME].cast(TIMESTAMP).cast(pa.int64())
    found: Int64s = pc.fill_null(times, -LATEST).combine_chunks().to_numpy()
    return found
