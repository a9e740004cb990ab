"""The step `ingest`: reads new files, checks their rows, files every version, by day.

The commits are made in the order labels, transactions, quarantine, joined tables, manifest: a
visible transaction always has its label, a row leaves the quarantine only once it is filed, a row
of a joined table is there only once filed transactions have its attributes, a file is noted as read
only once all of it is filed. So a rerun repairs a kill in between.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

import pyarrow as pa

from expectations import quiet_great_expectations
from expectations.contract import InputError, digest_of, refuse_any
from pipelines.config import ModelSpec, Snapshot, load_spec, table_columns
from pipelines.config.installation import load_settings
from pipelines.ingestion.absence import withdraw_absent
from pipelines.ingestion.arrivals import arrivals_of, files_to_read, record_arrivals
from pipelines.ingestion.cluster import DividedIngestion, choose_folder
from pipelines.ingestion.cluster.messages import FileToRead
from pipelines.ingestion.delivery import (
    Delivery,
    empty_rows,
    read_reports,
    read_transactions,
    state_reports,
)
from pipelines.ingestion.filing.day_rows import DayRows, held_bytes, scratch_folder
from pipelines.ingestion.filing.filing import (
    LABELS,
    TRANSACTIONS,
    file_delivery,
    merge_in_threads,
)
from pipelines.ingestion.ingested import Ingested
from pipelines.ingestion.joined import JoinedTables
from pipelines.ingestion.manifest import Compared, Manifest
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
    Position,
    SourceFile,
    open_reports,
    open_transactions,
)
from pipelines.lake import Lake, parse_as_of, vacuum_tables

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
    position = manifest.position(TRANSACTIONS, fingerprint=fingerprint)
    rows = manifest.compare(TRANSACTIONS, reader.files(since=position), fingerprint=fingerprint)
    reported = manifest.position(LABELS, fingerprint=fingerprint)
    accused = [] if reports is None else reports.files(since=reported)
    said = manifest.compare(LABELS, accused, fingerprint=fingerprint)
    joined = JoinedTables(spec, lake, reader)
    problems = reader.problems([*rows.new, *rows.changed])
    problems += joined.compare(manifest)
    if reports is not None:
        problems += reports.problems([*said.new, *said.changed])
    refuse_any(f"the source of {spec.name}", problems)
    for each, is_full in ((rows, spec.source.is_full), (said, spec.labels.is_full)):
        end = "are withdrawn, unless other files hold them" if is_full else "stay filed"
        for entry in each.vanished:
            log.warning("%s is gone; its %s rows %s", entry.name, f"{entry.rows:,}", end)
    now = datetime.now(UTC)
    current = read_quarantine(lake)
    remembered = [] if current is None else current[SOURCE].unique().to_pylist()
    joined.read(manifest, now, is_restated=restating is not None)
    files = files_to_read(rows, is_full=spec.source.is_full)
    since = None if restating else manifest.latest_as_of
    with ExitStack() as stack:
        divided = _divide(spec, lake, files, stack)
        scratch = scratch_folder() if divided is None else divided.folder
        held = stack.enter_context(DayRows(scratch, limit=held_bytes()))
        delivery = Delivery(reader.name, held)
        if divided is None:
            read = read_transactions(
                spec, reader, arrivals_of(manifest, TRANSACTIONS, files, now=now), delivery,
                since=since, remember=remembered, join=joined.join,
            )  # fmt: skip
        else:
            asked = [_asked(manifest, file, now) for file in files]
            read = divided.read_transactions(
                spec, reader, asked, delivery, since=since, remember=remembered
            )
        stated = files_to_read(said, is_full=spec.labels.is_full)
        told = arrivals_of(manifest, LABELS, stated, now=now)
        read += read_reports(spec, reports, told, delivery, remember=remembered)
        _refuse_no_rows(manifest, rows, delivery, position=position)
        withdraw_absent(spec, lake, delivery, read, (rows, said), now=now)
        ingested = _file(
            spec, lake, delivery, current, fingerprint=fingerprint, restating=restating,
            joined=joined, divided=divided,
        )  # fmt: skip
    added = joined.commit()
    record_arrivals(
        manifest, lake,
        [*((each, fingerprint) for each in read), *joined.read_files()],
        (rows, said, *joined.compared()),
        (ingested.transactions, ingested.labels, *added), as_of=as_of, now=now,
    )  # fmt: skip
    return ingested


def _refuse_no_rows(
    manifest: Manifest, compared: Compared, delivery: Delivery, *, position: Position | None
) -> None:
    """Raise an error on a source without rows, new ones and those that were read before."""
    unread = [manifest.find(TRANSACTIONS, file.name) for file in compared.unchanged]
    before = sum(entry.rows for entry in unread if entry is not None)
    goes_on = position is not None and not any(file.is_whole for file in compared.new)
    if delivery.read + before == 0 and not goes_on:
        raise InputError(
            f"{delivery.name} holds no rows. Give source.path a file with transactions."
        )


def _divide(
    spec: ModelSpec, lake: Lake, files: Sequence[SourceFile], stack: ExitStack
) -> DividedIngestion | None:
    """Divide an ingestion among Spark's workers where it has as many rows as the settings say."""
    settings = load_settings()
    folder = choose_folder(spec, lake, files, settings)
    return None if folder is None else stack.enter_context(DividedIngestion(folder, settings))


def _asked(manifest: Manifest, file: SourceFile, now: datetime) -> FileToRead:
    """Say of a file whose content is not known yet when it arrived: a worker hashes it."""
    entry = manifest.find(TRANSACTIONS, file.name)
    return FileToRead(
        name=file.name, address=file.address, size=file.size, modified=file.modified,
        etag=file.etag,
        arrival=manifest.arrival(TRANSACTIONS, file, now=now),
        recorded_sha256="" if entry is None else entry.sha256,
        recorded_arrival=None if entry is None else entry.arrival,
    )  # fmt: skip


def _file(
    spec: ModelSpec, lake: Lake, delivery: Delivery, current: pa.Table | None, *,
    fingerprint: str, restating: Callable[[], object] | None, joined: JoinedTables,
    divided: DividedIngestion | None,
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
        merge_days=merge_in_threads if divided is None else divided.merge_days,
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
