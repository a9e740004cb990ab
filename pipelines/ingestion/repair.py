"""Repair of damaged files of the delivered tables, from the whole source."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_DAY, TRANSACTION_ID, OvernightError
from pipelines.config import ModelSpec, load_spec
from pipelines.config.installation import load_settings
from pipelines.ingestion.arrivals import Arrived
from pipelines.ingestion.delivery import Delivery, read_reports, read_transactions
from pipelines.ingestion.filing.day_rows import DayRows, held_bytes, scratch_folder
from pipelines.ingestion.filing.filing import LABELS, TRANSACTIONS
from pipelines.ingestion.filing.labels import (
    label_homes,
    match_reports,
    merge_labels,
    statements_of,
    withdrawals_of,
)
from pipelines.ingestion.filing.merge import merge_versions, repeated_rows
from pipelines.ingestion.joined import FiledRows, JoinedTables, repair_joined
from pipelines.ingestion.manifest import Manifest
from pipelines.ingestion.quarantine import QUARANTINE, file_columns, name_repeated
from pipelines.ingestion.readers import TableReader, open_reports, open_transactions
from pipelines.lake import Lake, repair_parts, writing

log = logging.getLogger(__name__)


def repair_tables(reference: str) -> str:
    """Write damaged files of a spec's delivered tables again, from its source.

    Raises:
        OvernightError: when files stay damaged, because the source has not all of their rows.
    """
    spec = load_spec(reference)
    lake = Lake(load_settings().lake, spec=spec.name)
    with writing(spec.name, doing="the repair of tables"):
        repaired, damaged = repair_lake(spec, lake)
    if repaired < damaged:
        raise OvernightError(
            f"{repaired} of {damaged} damaged files of {spec.name} are written again. Of the "
            "others the source has not all rows: restore them from a backup of the lake."
        )
    return f"{repaired} damaged files of {spec.name} are written again."


def repair_lake(spec: ModelSpec, lake: Lake) -> tuple[int, int]:
    """Write damaged files again whose rows the source has; count these, and the damaged ones."""
    at = lake.latest(TRANSACTIONS)
    schema = None if at is None else lake.schema(at)
    manifest, now = Manifest.load(lake), datetime.now(UTC)
    reader, reports = open_transactions(spec, filed=schema), open_reports(spec, filed=schema)
    counts = list(repair_joined(spec, lake, reader, manifest=manifest, now=now))
    joined = JoinedTables(spec, lake, reader)
    with DayRows(scratch_folder(), limit=held_bytes()) as held:
        delivery = Delivery(reader.name, held)
        read_transactions(
            spec, reader, _all(manifest, TRANSACTIONS, reader, now), delivery, since=None,
            join=joined.join,
        )  # fmt: skip
        if reports is not None:
            read_reports(spec, reports, _all(manifest, LABELS, reports, now), delivery)
        source = _Source(spec, lake, delivery, joined.filed_rows(TRANSACTIONS))
        counts += [
            repair_parts(lake, TRANSACTIONS, source.rows),
            repair_parts(lake, LABELS, source.labels),
            repair_parts(lake, QUARANTINE, source.quarantine),
        ]
    return sum(each[0] for each in counts), sum(each[1] for each in counts)


def _all(manifest: Manifest, table: str, reader: TableReader, now: datetime) -> list[Arrived]:
    """List the whole source; what cannot be read of it is told, and the rest is used."""
    files = reader.files()
    for problem in reader.problems([]):
        log.warning("%s", problem)
    return [Arrived(table, file, manifest.arrival(table, file, now=now), "") for file in files]


class _Source:
    """Rows, labels and faulty rows of each day, as the source has them."""

    def __init__(self, spec: ModelSpec, lake: Lake, delivery: Delivery, joined: FiledRows) -> None:
        self._lake, self._delivery, self._joined = lake, delivery, joined
        self._delay = spec.labels.delay if spec.labels.column is not None else None
        said = delivery.reports
        self._reports = pa.concat_tables(said, promote_options="permissive") if said else None

    def rows(self, day: str, base: pa.Table) -> pa.Table | None:
        """Merge the delivered rows of a day with rows that it had."""
        delivered = self._read(day)
        return (
            None
            if delivered is None
            else _merged(
                self._joined.join(base, ()),
                delivered,
                lambda own, new: merge_versions(own, self._joined.keep(own, new)).rows,
            )
        )

    def labels(self, day: str, base: pa.Table) -> pa.Table | None:
        """Merge what the source says on labels of a day with what was filed."""
        at, delivered = self._lake.latest(TRANSACTIONS), self._read(day)
        if at is None:
            return None
        rows = self._lake.read(at, days=[day])
        homes = label_homes(rows)
        statements = []
        if self._delay is None:
            statements.append(withdrawals_of(rows))
        elif delivered is not None:
            statements.append(statements_of(delivered, self._delay))
        if self._reports is not None:
            kind = rows.schema.field(TRANSACTION_ID)
            reports = self._reports.set_column(
                self._reports.schema.get_field_index(TRANSACTION_ID), kind,
                self._reports[TRANSACTION_ID].cast(kind.type),
            )  # fmt: skip
            statements.append(match_reports(reports, homes).statements)
        said = pa.concat_tables(statements, promote_options="default")

        def merge(own: pa.Table, said: pa.Table) -> pa.Table:
            merged = merge_labels(own, said, homes)
            return own if merged is None else merged

        return _merged(base, said, merge)

    def quarantine(self, day: str, base: pa.Table) -> pa.Table | None:
        """Return the faulty rows of a day, beside rows that it had with other ids."""
        faulty = list(self._delivery.quarantined)
        for each in self._delivery.rows.days:
            rows = self._delivery.rows.read(each)
            mask = None if rows is None else repeated_rows(rows)
            if rows is not None and mask is not None:
                faulty.append(name_repeated(rows.filter(pa.array(mask)), self._delivery.files))
        rows = file_columns(faulty)
        if not set(base.column_names) <= set(rows.column_names):
            return None
        own = rows.filter(pc.equal(rows[EVENT_DAY], day)).select(base.column_names)
        again = pc.is_in(base[TRANSACTION_ID], value_set=own[TRANSACTION_ID].combine_chunks())
        return pa.concat_tables([base.filter(pc.invert(again)), own.cast(base.schema)])

    def _read(self, day: str) -> pa.Table | None:
        rows = self._delivery.rows.read(day)
        mask = None if rows is None else repeated_rows(rows)
        return rows if rows is None or mask is None else rows.filter(pa.array(~mask))


def _merged(
    base: pa.Table, given: pa.Table, merge: Callable[[pa.Table, pa.Table], pa.Table]
) -> pa.Table:
    """Merge rows with those of a base that have the same ids; the others stay."""
    mask = pc.is_in(base[TRANSACTION_ID], value_set=given[TRANSACTION_ID].combine_chunks())
    own = merge(base.filter(mask), given)
    return pa.concat_tables([base.filter(pc.invert(mask)), own.select(base.column_names)])
