"""One delivery into the lake: judged row by row, merged by transaction id, committed by day.

Order of the commits is quarantine, labels, transactions: whoever sees a transaction finds its
label and its neighbours' faults already there, and a kill in between is healed by running again.
"""

import logging
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    EVENT_DAY,
    EVENT_TIME,
    KNOWN_TIME,
    LABEL,
    RULES,
    TRANSACTION_ID,
    InputError,
)
from expectations.rows import Judged, judge_rows, split_rows
from pipelines.lake import Lake, TableVersion, digest_of
from pipelines.settings import load_settings
from pipelines.snapshot import Snapshot, parse_as_of
from pipelines.source import TIMESTAMP, Delivery, load_delivery
from pipelines.spec import ModelSpec, load_spec

TRANSACTIONS, LABELS, QUARANTINE = "transactions", "labels", "quarantine"
SOURCE = "source"
NO_DAY = "unknown"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one delivery became; `read == kept + quarantined`."""

    transactions: TableVersion
    labels: TableVersion
    read: int
    kept: int
    quarantined: int
    rules: dict[str, int]

    def summary(self) -> str:
        """One line in words and numbers."""
        rules = "".join(f", {rule}: {count:,}" for rule, count in self.rules.items())
        return (
            f"Ingested {self.transactions} and {self.labels}: {self.read:,} rows read, "
            f"{self.kept:,} kept, {self.quarantined:,} quarantined{rules}"
        )


def ingest_source(reference: str, as_of: str) -> str:
    """See `steps.ingest`. Rows after `as_of` are filed too; no later step reads them for it."""
    spec = load_spec(reference)
    parse_as_of(as_of)
    ingested = ingest_delivery(spec, Lake(load_settings().lake, spec=spec.name))
    log.info("%s", ingested.summary())
    return str(Snapshot(ingested.transactions, ingested.labels))


def ingest_delivery(spec: ModelSpec, lake: Lake) -> Ingested:
    """Read, judge and commit what the spec's source holds now.

    Raises:
        InputError: when the source cannot be used or too many rows broke a rule; the lake is
            then as it was.
    """
    delivery = load_delivery(spec)
    judged = judge_rows(
        delivery.rows,
        spec.contract,
        entities=list(spec.source.entities),
        received_at=delivery.received_at,
    )
    _stop_when_too_many(judged, spec, delivery)
    inputs = digest_of({"source": spec.source, "labels": spec.labels, "rules": spec.contract})
    columns = [c for c in judged.clean.column_names if c != LABEL]
    clean = _with_day(judged.clean)
    merged = _merge(lake, TRANSACTIONS, clean.select([*columns, EVENT_DAY]))
    labels, orphans = _labels(spec, delivery, clean, _whereabouts(lake, merged))
    _commit_quarantine(lake, [judged.quarantined, orphans], delivery, inputs=inputs)
    label_version = lake.write_days(LABELS, _merge(lake, LABELS, labels), inputs=inputs)
    version = lake.write_days(TRANSACTIONS, merged, inputs=inputs)
    return Ingested(
        transactions=version,
        labels=label_version,
        read=delivery.rows.num_rows,
        kept=clean.num_rows,
        quarantined=judged.quarantined.num_rows,
        rules=judged.counts() | _rule_counts(orphans),
    )


def _stop_when_too_many(judged: Judged, spec: ModelSpec, delivery: Delivery) -> None:
    allowed = spec.contract.max_quarantined_share
    share = judged.quarantined.num_rows / delivery.rows.num_rows
    if share > allowed or judged.clean.num_rows == 0:
        rules = ", ".join(f"{rule} {count:,}" for rule, count in judged.counts().items())
        raise InputError(
            f"{judged.quarantined.num_rows:,} of {delivery.rows.num_rows:,} rows of "
            f"{delivery.name} ({share:.1%}) broke a rule: {rules}. At most {allowed:.1%} may. "
            "Nothing was ingested. Correct the source, or contract.max_quarantined_share."
        )


def _merge(lake: Lake, table: str, incoming: pa.Table) -> pa.Table:
    """Add the rows already held for the same days; a row that came again takes the new values."""
    at = lake.newest(table)
    if at is None or lake.schema(at) != incoming.schema:
        return incoming
    days = set(pc.unique(incoming[EVENT_DAY]).to_pylist())
    held = lake.read(at, days=days)
    again = pc.is_in(held[TRANSACTION_ID], value_set=incoming[TRANSACTION_ID].combine_chunks())
    return pa.concat_tables([held.filter(pc.invert(again)), incoming])


def _whereabouts(lake: Lake, merged: pa.Table) -> pa.Table:
    """Event time and day of every transaction, filed or about to be: reports come weeks later."""
    columns = [TRANSACTION_ID, EVENT_TIME, EVENT_DAY]
    incoming, at = merged.select(columns), lake.newest(TRANSACTIONS)
    if at is None or lake.schema(at) != merged.schema:
        return incoming
    replaced = set(pc.unique(merged[EVENT_DAY]).to_pylist())
    others = {part.day for part in lake.parts(at)} - replaced
    return pa.concat_tables([lake.read(at, columns=columns, days=others), incoming])


def _labels(
    spec: ModelSpec, delivery: Delivery, clean: pa.Table, transactions: pa.Table
) -> tuple[pa.Table, pa.Table]:
    """Labels with the time each is known, and the reports that fit no transaction."""
    if delivery.reports is None:
        delay = pa.scalar(spec.labels.delay, type=pa.duration("us"))
        known = clean.filter(clean[LABEL].is_valid())
        columns = {
            TRANSACTION_ID: known[TRANSACTION_ID],
            EVENT_TIME: known[EVENT_TIME],
            KNOWN_TIME: pc.add(known[EVENT_TIME], delay),
            LABEL: known[LABEL].cast(pa.int8()),
            EVENT_DAY: known[EVENT_DAY],
        }
        return pa.table(columns), delivery.rows.slice(0, 0)
    return _match_reports(delivery.reports, transactions)


def _match_reports(reports: pa.Table, transactions: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Give each report its transaction's event time and day; of several, the first counts."""
    first = reports.group_by(TRANSACTION_ID).aggregate([(KNOWN_TIME, "min")])
    first = first.rename_columns([TRANSACTION_ID, KNOWN_TIME])
    rows = first.join(
        transactions.select([TRANSACTION_ID, EVENT_TIME, EVENT_DAY]), TRANSACTION_ID
    ).combine_chunks()
    unmatched = rows[EVENT_TIME].is_null()
    early = pc.fill_null(pc.less(rows[KNOWN_TIME], rows[EVENT_TIME]), fill_value=False)
    judged = split_rows(
        rows,
        {
            "label_without_transaction": np.asarray(unmatched.to_numpy(), dtype=bool),
            "label_without_known_time": np.asarray(rows[KNOWN_TIME].is_null().to_numpy(), bool),
            "label_known_before_event": np.asarray(early.to_numpy(), dtype=bool),
        },
    )
    frauds = judged.clean
    ones = pa.array(np.ones(frauds.num_rows, dtype=np.int8))
    labels = frauds.append_column(LABEL, ones)
    order = [TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, LABEL, EVENT_DAY]
    return labels.select(order), judged.quarantined.drop_columns([EVENT_DAY])


def _commit_quarantine(
    lake: Lake, quarantined: list[pa.Table], delivery: Delivery, *, inputs: str
) -> None:
    """Keep the faulty rows of every delivery, those of this one replaced by what it holds now."""
    tables = [_with_day(table) for table in quarantined if table.num_rows]
    rows = pa.concat_tables(tables, promote_options="default") if tables else None
    at = lake.newest(QUARANTINE)
    if rows is not None:
        name = pa.array([delivery.name] * rows.num_rows, pa.string())
        rows = rows.append_column(SOURCE, name)
    held = None if at is None else lake.read(at)
    if held is not None:
        held = held.filter(pc.not_equal(held[SOURCE], delivery.name))
    kept = [table for table in (held, rows) if table is not None]
    if not kept:
        return
    whole = pa.concat_tables(kept, promote_options="default")
    emptied = set() if at is None else {part.day for part in lake.parts(at)}
    lake.write_days(QUARANTINE, whole, inputs=inputs, empty_days=emptied)


def _with_day(rows: pa.Table) -> pa.Table:
    day = pc.strftime(rows[EVENT_TIME].cast(TIMESTAMP), format="%Y-%m-%d")
    return rows.append_column(EVENT_DAY, pc.fill_null(day.cast(pa.string()), NO_DAY))


def _rule_counts(quarantined: pa.Table) -> dict[str, int]:
    if RULES not in quarantined.column_names:
        return {}
    return Judged(quarantined.slice(0, 0), quarantined).counts()
