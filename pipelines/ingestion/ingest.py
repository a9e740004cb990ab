"""The step `ingest`: reads new files, checks their rows, files every version, by day.

The commits are made in the order labels, transactions, quarantine, joined tables, manifest: a
visible transaction always has its label, a row leaves the quarantine only once it is filed, a row
of a joined table is there only once filed transactions have its attributes, a file is noted as read
only once all of it is filed. So a rerun repairs a kill in between.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from expectations import quiet_great_expectations
from expectations.contract import InputError, digest_of, refuse_any
from pipelines.config import ModelSpec, Snapshot, TableVersion, load_spec, table_columns
from pipelines.config.installation import load_settings
from pipelines.ingestion.absence import absent_reports, add_absent_rows
from pipelines.ingestion.arrivals import Arrived, arrivals_of
from pipelines.ingestion.delivery import (
    Delivery,
    empty_rows,
    read_reports,
    read_transactions,
    state_reports,
)
from pipelines.ingestion.filing.day_rows import DayRows, held_bytes, scratch_folder
from pipelines.ingestion.filing.filing import LABELS, TRANSACTIONS, file_delivery
from pipelines.ingestion.ingested import Ingested
from pipelines.ingestion.joined import JoinedTables
from pipelines.ingestion.manifest import Compared, Entry, Manifest
from pipelines.ingestion.quarantine import (
    SOURCE,
    count_rules,
    name_repeated,
    orphaned_reports,
    read_quarantine,
    refile,
    refuse_too_many,
)
from pipelines.ingestion.readers import (
    open_reports,
    open_transactions,
)
from pipelines.lake import Lake, parse_as_of, vacuum_tables

SETTLED = timedelta(seconds=2)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)

log = logging.getLogger(__name__)


def ingest_source(reference: str, as_of: str) -> Snapshot:
    """Ingest what is new in the spec's source; return the snapshot of transactions and labels.

    Rows that became known after `as_of` are filed too; no later step of this run reads them.
    """
    spec = load_spec(reference)
    lake = Lake(load_settings().lake, spec=spec.name)
    ingested = ingest_delivery(spec, lake, as_of=parse_as_of(as_of))
    log.info("%s", ingested.summary())
    vacuum_tables(lake)  # once a night, before it writes more
    return Snapshot(ingested.transactions, ingested.labels)


def ingest_delivery(
    spec: ModelSpec,
    lake: Lake,
    *,
    as_of: datetime | None = None,
    restating: Callable[[], object] | None = None,
) -> Ingested:
    """Read, check and commit the files of the spec's source that were not read yet.

    Args:
        spec: names the source.
        lake: receives the rows.
        as_of: the knowledge time of the night; None: this is no night.
        restating: given, the rows replace all filed versions of their transactions, as if these
            had never been; it is called before the commits, where there is something to file.

    Raises:
        InputError: when the source cannot be used, too many rows broke a rule, or one that stops;
            the lake is then as it was.
        DamagedError: when files of the lake are damaged.
    """
    refuse_wrong_own(spec)
    fingerprint = fingerprint_of(spec)
    manifest = Manifest.load(lake)
    if not manifest.is_of(lake):
        log.warning("The tables of %s hold less than was read: every file is read again", spec.name)
        manifest = manifest.unread()
    at = lake.latest(TRANSACTIONS)
    schema = None if at is None else lake.schema(at)
    reader, reports = open_transactions(spec, filed=schema), open_reports(spec, filed=schema)
    rows = manifest.compare(TRANSACTIONS, reader.files(), fingerprint=fingerprint)
    accused = [] if reports is None else reports.files()
    said = manifest.compare(LABELS, accused, fingerprint=fingerprint)
    joined = JoinedTables(spec, lake, reader)
    problems = reader.problems([*rows.new, *rows.changed])
    problems += joined.compare(manifest)
    if reports is not None:
        problems += reports.problems([*said.new, *said.changed])
    refuse_any(f"the source of {spec.name}", problems)
    for entry in (*rows.vanished, *said.vanished):
        log.warning("%s is gone; its %s rows stay filed", entry.name, f"{entry.rows:,}")
    now = datetime.now(UTC)
    current = read_quarantine(lake)
    remembered = [] if current is None else current[SOURCE].unique().to_pylist()
    joined.read(manifest, now, is_restated=restating is not None)
    with DayRows(scratch_folder(), limit=held_bytes()) as held:
        delivery = Delivery(reader.name, held)
        read = [
            *read_transactions(
                spec, reader,
                arrivals_of(manifest, TRANSACTIONS, rows, now=now, is_full=spec.source.is_full),
                delivery, since=None if restating else manifest.latest_as_of,
                remember=remembered, join=joined.join,
            ),
            *read_reports(
                spec, reports,
                arrivals_of(manifest, LABELS, said, now=now, is_full=spec.labels.is_full),
                delivery, remember=remembered,
            ),
        ]  # fmt: skip
        unread = [manifest.find(TRANSACTIONS, file.name) for file in rows.unchanged]
        if delivery.read + sum(entry.rows for entry in unread if entry is not None) == 0:
            raise InputError(
                f"{reader.name} holds no rows. Give source.path a file with transactions."
            )
        arrival = max((each.arrival for each in read), default=now)
        ingested = _file(
            spec, lake, delivery, current, fingerprint=fingerprint, restating=restating,
            arrival=arrival, joined=joined,
        )  # fmt: skip
    added = joined.commit()
    _record(
        manifest, lake,
        [*((each, fingerprint) for each in read), *joined.read_files()],
        (rows, said, *joined.compared()),
        (ingested.transactions, ingested.labels, *added), as_of=as_of, now=now,
    )  # fmt: skip
    return ingested


def _record(
    manifest: Manifest, lake: Lake, read: Sequence[tuple[Arrived, str]],
    compared: Sequence[Compared], filed: Sequence[TableVersion], *, as_of: datetime | None,
    now: datetime,
) -> None:  # fmt: skip
    """Note the files that are filed now; a night without new files still had its knowledge time."""
    touched = [entry for each in compared for entry in each.touched]
    gone = [entry for each in compared for entry in each.vanished]
    latest = manifest.latest_as_of
    is_later = as_of is not None and (latest is None or as_of > latest)
    if not (read or touched or gone or is_later):
        return
    entries = [
        Entry(
            each.table, each.file.name, each.file.size,
            # The clock of files is coarse: one written just now may change and look the same.
            each.file.modified if now - each.file.modified > SETTLED else NEVER,
            each.file.etag, each.sha256, each.rows, each.arrival, fingerprint, as_of or NEVER,
        )
        for each, fingerprint in read
    ]  # fmt: skip
    manifest.record(
        lake, [*entries, *touched], as_of=as_of or latest or NEVER, vanished=gone,
        filed=filed,
    )  # fmt: skip


def _file(
    spec: ModelSpec, lake: Lake, delivery: Delivery, current: pa.Table | None, *,
    fingerprint: str, restating: Callable[[], object] | None, arrival: datetime,
    joined: JoinedTables,
) -> Ingested:  # fmt: skip
    at, labels = lake.latest(TRANSACTIONS), lake.latest(LABELS)
    orphans = orphaned_reports(current)
    statements = [
        *delivery.reports,
        *([state_reports(orphans, labels=spec.labels)] if orphans.num_rows else []),
    ]
    rejoined = joined.filed_rows(TRANSACTIONS)
    nothing = not delivery.read and not delivery.reports and not rejoined.are_affected
    if nothing and at is not None and labels is not None:
        return Ingested(at, labels, 0, 0, 0, {}, {}, 0, 0)
    if not delivery.rows.schema.names and at is not None:
        delivery.rows.add(empty_rows(lake.schema(at), has_label=spec.labels.column is not None))
    reports = pa.concat_tables(statements, promote_options="permissive") if statements else None
    if spec.source.is_full and delivery.read:
        add_absent_rows(lake, delivery.rows, arrival)
    if spec.labels.is_full and delivery.reports and reports is not None:
        absent = absent_reports(lake, reports, arrival)
        if absent is not None:
            reports = pa.concat_tables([reports, absent], promote_options="permissive")
    broken = sum(table.num_rows for table in delivery.quarantined)

    def accept(repeated: list[pa.Table]) -> None:
        faulty = [
            *delivery.quarantined,
            *(name_repeated(each, delivery.files) for each in repeated),
        ]
        refuse_too_many(spec, delivery.name, read=delivery.read, faulty=faulty)
        if restating is not None:
            restating()

    filed = file_delivery(
        spec, lake, delivery.rows, reports, fingerprint=fingerprint,
        is_restated=restating is not None, accept=accept,
        joined=rejoined,
    )  # fmt: skip
    faulty = [
        *delivery.quarantined,
        *(name_repeated(each, delivery.files) for each in filed.repeated),
    ]
    refile(lake, [*faulty, *filed.orphans], delivered=delivery.ids, fingerprint=fingerprint)
    repeated = sum(table.num_rows for table in filed.repeated)
    return Ingested(
        transactions=filed.transactions,
        labels=filed.labels,
        read=delivery.read,
        kept=filed.kept,
        quarantined=broken + repeated,
        rules=count_rules([*faulty, *filed.orphans]),
        warned=dict(delivery.warned),
        corrected=filed.corrected,
        outdated=filed.outdated,
        late=filed.late,
    )


def fingerprint_of(spec: ModelSpec) -> str:
    """Compute the digest of the spec's sections that decide how a delivery is filed."""
    return digest_of({"source": spec.source, "labels": spec.labels, "rules": spec.contract})


def refuse_wrong_own(spec: ModelSpec) -> None:
    """Stop on a declared expectation that cannot be built, whatever table it is for.

    Raises:
        ProblemsError: naming every one.
    """
    if spec.contract.expectations:
        quiet_great_expectations()
        from expectations import refuse_unbuildable

        columns = {t: [c.name for c in own] for t, own in table_columns(spec).items()}
        refuse_unbuildable(spec.contract.expectations, columns)
