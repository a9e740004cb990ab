"""Labels of delivered transactions: a column with a fixed delay, or a table of fraud reports."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations import split_rows
from expectations.contract import (
    EVENT_DAY,
    EVENT_TIME,
    KNOWN_TIME,
    LABEL,
    TRANSACTION_ID,
    InputError,
)
from pipelines.config import ModelSpec
from pipelines.ingestion.readers import TIMESTAMP

WITHOUT_TRANSACTION = "label_without_transaction"
WITHOUT_KNOWN_TIME = "label_without_known_time"
BEFORE_EVENT = "label_known_before_event"
REPORT_RULES = frozenset({WITHOUT_TRANSACTION, WITHOUT_KNOWN_TIME, BEFORE_EVENT})


def find_labels(
    spec: ModelSpec, reports: pa.Table | None, clean: pa.Table, transactions: pa.Table
) -> tuple[pa.Table, pa.Table]:
    """Make labels with their known times; also return the reports without a transaction."""
    if spec.labels.column is not None:
        delay = pa.scalar(spec.labels.delay, type=pa.duration("us"))
        known = clean.filter(clean[LABEL].is_valid())
        waited, arrived = pc.add(known[EVENT_TIME], delay), known[KNOWN_TIME]
        columns = {
            TRANSACTION_ID: known[TRANSACTION_ID],
            EVENT_TIME: known[EVENT_TIME],
            # A label that comes with a correction was not known before it.
            KNOWN_TIME: pc.if_else(pc.greater(arrived, waited), arrived, waited),
            LABEL: known[LABEL].cast(pa.int8()),
            EVENT_DAY: known[EVENT_DAY],
        }
        return pa.table(columns), clean.slice(0, 0)
    nothing = {TRANSACTION_ID: transactions[TRANSACTION_ID].slice(0, 0)}
    nothing[KNOWN_TIME] = pa.nulls(0, TIMESTAMP)
    return _match_reports(pa.table(nothing) if reports is None else reports, transactions)


def match_ids(reports: pa.Table, transactions: pa.Table) -> pa.Table:
    """Cast the reports' ids to the type of the transactions' ids.

    Raises:
        InputError: when they are of another kind.
    """
    kind = transactions.schema.field(TRANSACTION_ID).type
    try:
        return reports.set_column(
            reports.schema.get_field_index(TRANSACTION_ID),
            TRANSACTION_ID,
            reports[TRANSACTION_ID].cast(kind),
        )
    except pa.ArrowInvalid as error:
        raise InputError(
            f"The fraud reports' ids are no {kind}, as those of the transactions are: {error}. "
            "Correct labels.transaction_id, or the file."
        ) from error


def _match_reports(reports: pa.Table, transactions: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Join each report with its transaction's event time and day; of several, the first counts.

    Raises:
        InputError: when the ids are of another kind than those of the transactions.
    """
    reports = match_ids(reports, transactions)
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
            WITHOUT_TRANSACTION: np.asarray(unmatched.to_numpy(), dtype=bool),
            WITHOUT_KNOWN_TIME: np.asarray(rows[KNOWN_TIME].is_null().to_numpy(), bool),
            BEFORE_EVENT: np.asarray(early.to_numpy(), dtype=bool),
        },
    )
    frauds = judged.clean
    ones = pa.array(np.ones(frauds.num_rows, dtype=np.int8))
    labels = frauds.append_column(LABEL, ones)
    order = [TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, LABEL, EVENT_DAY]
    return labels.select(order), judged.quarantined.drop_columns([EVENT_DAY])
