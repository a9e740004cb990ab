"""All joined tables in an ingestion: their files, the join of transactions, the commits."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    KNOWN_TIME,
    SOURCE_TIME,
    TRANSACTION_ID,
    digest_of,
)
from pipelines.config import JoinedTable, ModelSpec, TableVersion
from pipelines.ingestion.arrivals import Arrived, arrivals_of, files_to_read
from pipelines.ingestion.clock_checks import refuse_wrong_clock
from pipelines.ingestion.filing import ARRIVAL, FILE, DayRows, held_bytes, scratch_folder
from pipelines.ingestion.joined.filed_rows import FiledRows, join_all
from pipelines.ingestion.joined.month_merge import repeat_time, with_month
from pipelines.ingestion.joined.stored_table import StoredTable
from pipelines.ingestion.manifest import Compared, Manifest
from pipelines.ingestion.readers import TableReader, open_joined
from pipelines.lake import Lake

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Joined:
    """A joined table in an ingestion.

    Attributes:
        changes: keys and known times of rows that are new in it, to be joined to filed rows.
    """

    table: JoinedTable
    reader: TableReader
    stored: StoredTable
    fingerprint: str
    compared: Compared | None = None
    read: list[Arrived] = field(default_factory=list)
    changes: list[pa.Table] = field(default_factory=list)


class JoinedTables:
    """The joined tables of a spec.

    Args:
        spec: declares them.
        lake: has what was delivered of them before.
        transactions: the reader of transactions; keys are read as it reads them.
    """

    def __init__(self, spec: ModelSpec, lake: Lake, transactions: TableReader) -> None:
        self._lake = lake
        self._tables: list[_Joined] = []
        rows = _key_types(transactions, spec) if spec.source.tables else pa.schema([])
        for table in spec.source.tables:
            reader = open_joined(spec, table, keys=rows)
            stored = StoredTable(lake, table, reader.empty().schema)
            source = spec.source.model_dump(exclude={"tables"})
            fingerprint = digest_of({"table": table, "source": source})
            self._tables.append(_Joined(table, reader, stored, fingerprint))

    def compare(self, manifest: Manifest) -> list[str]:
        """Find the files that have to be read, and what is wrong with them."""
        problems = []
        for each in self._tables:
            compared = manifest.compare(
                each.stored.name, each.reader.files(), fingerprint=each.fingerprint
            )
            each.compared = compared
            problems += each.reader.problems([*compared.new, *compared.changed])
            for entry in compared.vanished:
                log.warning("%s is gone; its %s rows stay filed", entry.name, f"{entry.rows:,}")
        return problems

    def read(self, manifest: Manifest, now: datetime, *, is_restated: bool = False) -> None:
        """Read new files, and merge their rows into the tables, not committed yet."""
        for each in self._tables:
            if each.compared is None:
                continue
            arrived = arrivals_of(manifest, each.stored.name, files_to_read(each.compared), now=now)
            self._read(each, arrived, is_restated=is_restated)

    def read_singly(self, manifest: Manifest, now: datetime) -> list[StoredTable]:
        """Read every file as if each came in a night of its own; return the tables."""
        for each in self._tables:
            arrived = arrivals_of(manifest, each.stored.name, each.reader.files(), now=now)
            for file in sorted(arrived, key=lambda file: (file.arrival, file.file.name)):
                self._read(each, [file], is_restated=False)
        return [each.stored for each in self._tables]

    def join(self, rows: pa.Table) -> pa.Table:
        """Append the attributes of each row, as they were known at its event time."""
        return join_all(self._pairs, rows)

    def filed_rows(self, table: str) -> FiledRows:
        """Find the filed rows of a table of transactions for which other rows count now."""
        changes = [each.changes for each in self._tables]
        return FiledRows(self._lake, table, self._pairs, changes)

    def read_files(self) -> list[tuple[Arrived, str]]:
        """List the files that were read, with the fingerprints of their tables."""
        return [(file, each.fingerprint) for each in self._tables for file in each.read]

    def compared(self) -> list[Compared]:
        """List the files of each table beside the manifest."""
        return [each.compared for each in self._tables if each.compared is not None]

    def commit(self) -> list[TableVersion]:
        """Commit what was read; return the versions of the tables."""
        versions = [each.stored.commit(each.fingerprint) for each in self._tables]
        return [version for version in versions if version is not None]

    @property
    def _pairs(self) -> list[tuple[JoinedTable, StoredTable]]:
        return [(each.table, each.stored) for each in self._tables]

    def _read(self, each: _Joined, files: Iterable[Arrived], *, is_restated: bool) -> None:
        has_time, left_out = each.table.known_time is not None, 0
        with DayRows(scratch_folder(), limit=held_bytes()) as held:
            for number, file in enumerate(files):
                each.read.append(file)
                for position, batch in enumerate(each.reader.batches(file.file)):
                    file.rows += batch.num_rows
                    if has_time and position == 0:
                        refuse_wrong_clock(
                            batch, where=file.file.name, received_at=file.file.modified
                        )
                    rows = _complete(
                        batch, [*each.stored.keys, *([KNOWN_TIME] if has_time else [])]
                    )
                    left_out += batch.num_rows - rows.num_rows
                    held.add(self._stated(each, rows, file.arrival, number))
            self._merge(each, held, is_replacing=is_restated or not has_time)
        if left_out:
            log.warning(
                "%s: %s rows without a key or known time are left out", each.reader.name,
                f"{left_out:,}",
            )  # fmt: skip

    def _stated(self, each: _Joined, rows: pa.Table, arrival: datetime, number: int) -> pa.Table:
        """Say of delivered rows when they became known, and drop those that say nothing new."""
        arrived = repeat_time(arrival, rows.num_rows)
        if each.table.known_time is None:
            rows = rows.append_column(KNOWN_TIME, arrived)
            rows = rows.append_column(SOURCE_TIME, pa.nulls(rows.num_rows, arrived.type))
            rows = each.stored.news(rows, arrival)
        else:
            rows = rows.append_column(SOURCE_TIME, rows[KNOWN_TIME])
        rows = rows.append_column(ARRIVAL, repeat_time(arrival, rows.num_rows))
        files = pa.array(np.full(rows.num_rows, number, dtype=np.int32))
        return with_month(rows.append_column(FILE, files))

    def _merge(self, each: _Joined, held: DayRows, *, is_replacing: bool) -> None:
        with DayRows(scratch_folder(), limit=held_bytes()) as corrections:
            for merged in each.stored.merge(held, is_replacing=is_replacing):
                self._note(each, merged.changed)
                corrections.add(merged.corrections)
            for merged in each.stored.merge(corrections, is_replacing=True):
                self._note(each, merged.changed)

    def _note(self, each: _Joined, changed: pa.Table) -> None:
        if changed.num_rows:
            each.changes.append(changed.select([*each.stored.keys, KNOWN_TIME]))


def _key_types(transactions: TableReader, spec: ModelSpec) -> pa.Schema:
    """Return the types of the keys of transactions; text where their files cannot be read."""
    try:
        return transactions.empty().schema
    except (
        pa.ArrowException,
        TypeError,
        ValueError,
        OSError,
    ):  # told with the problems of those files
        names = [TRANSACTION_ID, *spec.source.entities, *spec.source.attributes]
        return pa.schema([(name, pa.string()) for name in names])


def _complete(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    """Select the rows that have a value in each of some columns."""
    mask = pc.is_valid(rows[names[0]])
    for name in names[1:]:
        mask = pc.and_(mask, pc.is_valid(rows[name]))
    return rows if pc.all(mask).as_py() else rows.filter(mask)
