"""The step `ingest`: checks a delivery row by row, merges it by transaction id, commits it by day.

The commits are made in the order labels, transactions, quarantine: a visible transaction always has
its label, a row leaves the quarantine only once it is filed, and a rerun repairs a kill in between.
"""

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations import AMOUNT_BELOW, SplitRows, apply_row_rules, quiet_great_expectations
from expectations.contract import (
    EVENT_DAY,
    EVENT_TIME,
    LABEL,
    TRANSACTION_ID,
    InputError,
    digest_of,
)
from pipelines.config import ModelSpec, Snapshot, TableVersion, load_spec, table_columns
from pipelines.config.installation import load_settings
from pipelines.ingestion.clock_checks import refuse_wrong_clock
from pipelines.ingestion.delivery import Delivery, load_delivery
from pipelines.ingestion.labels import find_labels
from pipelines.ingestion.quarantine import (
    QUARANTINE,
    file_columns,
    name_source,
    refile_source,
    rule_counts,
)
from pipelines.ingestion.readers import with_day
from pipelines.ingestion.upserts import Merged, merge_rows
from pipelines.lake import DamagedError, Lake, parse_as_of, repair_parts, vacuum_tables

TRANSACTIONS, LABELS = "transactions", "labels"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ingested:
    """The result of ingesting a delivery; `read == kept + quarantined`.

    Attributes:
        rules: number of rows that broke each rule, fraud reports included.
        warned: number of rows that broke each rule that only warns.
        corrected: kept rows that replace an earlier version.
        outdated: kept rows of which the lake has a version that became known later.
    """

    transactions: TableVersion
    labels: TableVersion
    read: int
    kept: int
    quarantined: int
    rules: dict[str, int]
    warned: dict[str, int]
    corrected: int
    outdated: int

    def summary(self) -> str:
        """Summarise the result in one line."""
        rules = "".join(f", {rule}: {count:,}" for rule, count in self.rules.items())
        warned = "".join(f"; warning, {rule}: {count:,}" for rule, count in self.warned.items())
        again = f"; {self.corrected:,} replace an earlier version" if self.corrected else ""
        if self.outdated:
            again += f"; of {self.outdated:,} a later version is filed already"
        return (
            f"Ingested {self.transactions} and {self.labels}: {self.read:,} rows read, "
            f"{self.kept:,} kept, {self.quarantined:,} quarantined{rules}{again}{warned}"
        )


def ingest_source(reference: str, as_of: str) -> Snapshot:
    """Ingest the spec's source; return the snapshot of transactions and labels.

    Rows that became known after `as_of` are filed too; no later step of this run reads them.
    """
    spec = load_spec(reference)
    parse_as_of(as_of)
    lake = Lake(load_settings().lake, spec=spec.name)
    ingested = ingest_delivery(spec, lake)
    log.info("%s", ingested.summary())
    vacuum_tables(lake)  # once a night, before it writes more
    return Snapshot(ingested.transactions, ingested.labels)


def ingest_delivery(spec: ModelSpec, lake: Lake) -> Ingested:
    """Read, check and commit the present content of the spec's source.

    Raises:
        InputError: when the source cannot be used, too many rows broke a rule, or one that stops;
            the lake is then as it was.
        DamagedError: when files of the lake are damaged, and this delivery does not have their
            rows.
    """
    at = lake.latest(TRANSACTIONS)
    delivery = load_delivery(spec, filed=None if at is None else lake.schema(at))
    refuse_wrong_clock(delivery)
    refuse_wrong_own(spec)
    judged = judge_delivery(spec, delivery)
    try:
        return _file_delivery(spec, lake, judged, delivery)
    except DamagedError:
        if not _repair(spec, lake, judged, delivery):
            raise
    return _file_delivery(spec, lake, judged, delivery)


def judge_delivery(spec: ModelSpec, delivery: Delivery) -> SplitRows:
    """Split the rows of a delivery into clean and quarantined ones, by the contract.

    Raises:
        InputError: when too many of them broke a rule, or one that stops.
    """
    judged = apply_row_rules(
        delivery.rows,
        spec.contract,
        entities=list(spec.source.entities),
        received_at=delivery.received_at,
        further=judge_own(spec, delivery.rows),
    )
    _stop_when_too_many(judged, spec, delivery)
    return judged


def _file_delivery(spec: ModelSpec, lake: Lake, judged: SplitRows, delivery: Delivery) -> Ingested:
    ingested, orphans = file_rows(spec, lake, judged, delivery.reports)
    faulty = [judged.quarantined, orphans]
    refile_source(
        lake,
        delivery.name,
        faulty,
        delivered=_delivered_ids(delivery),
        fingerprint=fingerprint_of(spec),
    )
    return ingested


def _repair(spec: ModelSpec, lake: Lake, judged: SplitRows, delivery: Delivery) -> int:
    """Write damaged files again whose rows the delivery has; return their number."""
    clean = with_day(judged.clean)
    happened = clean.select([TRANSACTION_ID, EVENT_TIME, EVENT_DAY])
    labels, orphans = find_labels(spec, delivery.reports, clean, happened)
    faulty = name_source(delivery.name, [judged.quarantined, orphans])
    return (
        repair_parts(lake, TRANSACTIONS, clean)
        + repair_parts(lake, LABELS, labels)
        + repair_parts(lake, QUARANTINE, file_columns(faulty))
    )


def file_rows(
    spec: ModelSpec, lake: Lake, judged: SplitRows, reports: pa.Table | None
) -> tuple[Ingested, pa.Table]:
    """Commit the labels of clean rows, then the rows themselves.

    Args:
        spec: defines the source of the labels.
        lake: receives the rows.
        judged: canonical rows; the faulty ones are counted here and filed by the caller.
        reports: fraud reports, where labels come as a table.

    Returns:
        The counts, and the reports without a transaction, which the caller files too.
    """
    fingerprint = fingerprint_of(spec)
    columns = [c for c in judged.clean.column_names if c != LABEL]
    clean = with_day(judged.clean)
    merged = merge_rows(lake, TRANSACTIONS, clean.select([*columns, EVENT_DAY]))
    ids = merged.accepted[TRANSACTION_ID].combine_chunks()
    accepted = clean.filter(pc.is_in(clean[TRANSACTION_ID], value_set=ids))
    labels, orphans = find_labels(spec, reports, accepted, _whereabouts(lake, merged))
    is_reported = spec.labels.column is None
    filed = merge_rows(lake, LABELS, labels, keep="earliest" if is_reported else "delivered")
    label_version = _write(lake, LABELS, filed, fingerprint=fingerprint)
    version = _write(lake, TRANSACTIONS, merged, fingerprint=fingerprint)
    ingested = Ingested(
        transactions=version,
        labels=label_version,
        read=judged.clean.num_rows + judged.quarantined.num_rows,
        kept=clean.num_rows,
        quarantined=judged.quarantined.num_rows,
        rules=judged.counts() | rule_counts(orphans),
        warned=dict(judged.warned),
        corrected=merged.corrected,
        outdated=merged.outdated,
    )
    return ingested, orphans


def fingerprint_of(spec: ModelSpec) -> str:
    """Compute the digest of the spec's sections that decide how a delivery is filed."""
    return digest_of({"source": spec.source, "labels": spec.labels, "rules": spec.contract})


def judge_own(spec: ModelSpec, rows: pa.Table) -> dict[str, npt.NDArray[np.bool_]]:
    """Masks of the spec's own expectations that quarantine; the library is loaded only for them."""
    if not any(own.severity == "quarantine" for own in spec.contract.expectations):
        return {}
    quiet_great_expectations()
    from expectations import apply_custom_expectations

    return apply_custom_expectations(rows, spec.contract.expectations)


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


def _delivered_ids(delivery: Delivery) -> pa.ChunkedArray:
    tables = [t for t in (delivery.rows, delivery.reports) if t is not None]
    chunks = [c for t in tables for c in t[TRANSACTION_ID].cast(pa.string()).chunks]
    return pa.chunked_array(chunks, pa.string())


def _stop_when_too_many(judged: SplitRows, spec: ModelSpec, delivery: Delivery) -> None:
    allowed = spec.contract.max_quarantined_share
    share = judged.quarantined.num_rows / delivery.rows.num_rows
    if share > allowed or judged.clean.num_rows == 0:
        counts = judged.counts()
        rules = ", ".join(f"{rule} {count:,}" for rule, count in counts.items())
        refunds = "; refunds need a contract.amount.minimum" if AMOUNT_BELOW in counts else ""
        raise InputError(
            f"{judged.quarantined.num_rows:,} of {delivery.rows.num_rows:,} rows of "
            f"{delivery.name} ({share:.1%}) broke a rule: {rules}. At most {allowed:.1%} may. "
            f"Nothing was ingested. Correct the source, or contract.max_quarantined_share{refunds}."
        )


def _write(lake: Lake, table: str, merged: Merged, *, fingerprint: str) -> TableVersion:
    at = lake.latest(table)
    if at is not None and merged.rows.num_rows == 0 and not merged.emptied:
        return at  # every delivered row is filed already
    return lake.write_days(table, merged.rows, fingerprint=fingerprint, empty_days=merged.emptied)


def _whereabouts(lake: Lake, merged: Merged) -> pa.Table:
    """Return event time and day of every transaction, filed or in this delivery.

    Fraud reports come weeks after their transactions.
    """
    columns = [TRANSACTION_ID, EVENT_TIME, EVENT_DAY]
    incoming, at = merged.rows.select(columns), lake.latest(TRANSACTIONS)
    if at is None or set(lake.schema(at)) != set(merged.rows.schema):
        return incoming
    replaced = set(pc.unique(merged.rows[EVENT_DAY]).to_pylist()) | merged.emptied
    others = {part.day for part in lake.parts(at)} - replaced
    return pa.concat_tables([lake.read(at, columns=columns, days=others), incoming])
