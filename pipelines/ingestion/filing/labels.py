"""Labels of delivered transactions: a column with a fixed delay, or a table of fraud reports."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations import split_rows
from expectations.contract import (
    EVENT_DAY,
    EVENT_TIME,
    IS_FIRST,
    KNOWN_TIME,
    LABEL,
    LABEL_STATE,
    REPLACED_TIME,
    SOURCE_TIME,
    STATE,
    STATED_TIME,
    TRANSACTION_ID,
    WITHDRAWN,
    InputError,
)
from pipelines.ingestion.filing.versions import ARRIVAL, newest_of_each, settle
from pipelines.ingestion.readers import TIMESTAMP

WITHOUT_TRANSACTION = "label_without_transaction"
WITHOUT_KNOWN_TIME = "label_without_known_time"
BEFORE_EVENT = "label_known_before_event"
WITHOUT_MEANING = "label_state_unknown"
REPORT_RULES = frozenset({WITHOUT_TRANSACTION, WITHOUT_KNOWN_TIME, BEFORE_EVENT, WITHOUT_MEANING})
# The label of a report until it is known that its state says nothing.
NO_MEANING = -1


def label_schema(ids: pa.DataType) -> pa.Schema:
    """Return the columns of the table `labels`."""
    return pa.schema(
        [
            (TRANSACTION_ID, ids),
            (EVENT_TIME, TIMESTAMP),
            (KNOWN_TIME, TIMESTAMP),
            (LABEL, pa.int8()),
            (STATE, pa.string()),
            (STATED_TIME, TIMESTAMP),
            (SOURCE_TIME, TIMESTAMP),
            (EVENT_DAY, pa.string()),
        ]
    )


def statements_of(delivered: pa.Table, delay: timedelta) -> pa.Table:
    """Make the statements on labels that delivered transactions bring with a label column.

    Args:
        delivered: with the columns that `pipelines.ingestion.filing.merge.state_times` appends.
        delay: from an event to the time at which its label is known.

    Returns:
        The columns that `merge_labels` takes.
    """
    waited = pc.add(delivered[EVENT_TIME], pa.scalar(delay, pa.duration("us")))
    label = delivered[LABEL].cast(pa.int8())
    state = pa.nulls(delivered.num_rows, pa.string())
    if LABEL_STATE in delivered.column_names:
        state = delivered[LABEL_STATE]
    return pa.table(
        {
            TRANSACTION_ID: delivered[TRANSACTION_ID],
            KNOWN_TIME: waited,
            LABEL: pc.if_else(delivered[WITHDRAWN], pa.scalar(None, pa.int8()), label),
            STATE: state,
            STATED_TIME: delivered[STATED_TIME],
            SOURCE_TIME: delivered[SOURCE_TIME],
            ARRIVAL: delivered[ARRIVAL],
        }
    )


def state_as_filed(statements: pa.Table, versions: pa.Table) -> pa.Table:
    """State first labels at the time at which their transactions became known.

    Labels that are declared after transactions were filed come with rows that are filed already;
    their delay counts from the event as if they had been declared from the first.

    Args:
        statements: of a label column.
        versions: all versions of the transactions.
    """
    firsts = versions.filter(versions[IS_FIRST])
    place = pc.index_in(
        statements[TRANSACTION_ID], value_set=firsts[TRANSACTION_ID].combine_chunks()
    ).combine_chunks()
    filed = firsts[KNOWN_TIME].combine_chunks().take(place)
    is_filed = pc.and_(filed.is_valid(), statements[SOURCE_TIME].combine_chunks().is_null())
    stated = pc.if_else(is_filed, filed, statements[STATED_TIME].combine_chunks())
    at = statements.schema.get_field_index(STATED_TIME)
    return statements.set_column(at, STATED_TIME, stated)


def withdrawals_of(versions: pa.Table) -> pa.Table:
    """Make statements of withdrawn transactions, that nothing is known of them any more.

    Args:
        versions: filed versions; a withdrawal is replaced when it becomes known.

    Returns:
        The columns that `merge_labels` takes.
    """
    gone = versions.filter(pc.equal(versions[REPLACED_TIME], versions[KNOWN_TIME]))
    known = gone[KNOWN_TIME]
    return pa.table(
        {
            TRANSACTION_ID: gone[TRANSACTION_ID],
            KNOWN_TIME: known,
            LABEL: pa.nulls(gone.num_rows, pa.int8()),
            STATE: pa.nulls(gone.num_rows, pa.string()),
            STATED_TIME: known,
            SOURCE_TIME: known,
            ARRIVAL: known,
        }
    )


def merge_labels(filed: pa.Table, statements: pa.Table, firsts: pa.Table) -> pa.Table | None:
    """Merge statements on labels with those that are filed; None if they say nothing new.

    Args:
        filed: all filed statements on the same transactions, with the columns of the table.
        statements: `transaction_id`, `is_fraud` (null: nothing is known any more), `state`,
            `source_time`, `stated_time`, `arrival`, and in `known_time` the earliest time at which
            the label counts.
        firsts: `transaction_id`, `event_time` and `event_day` of the transactions' first versions.

    Returns:
        All statements that count at some time, in no order; none of a transaction that is not in
        `firsts`.
    """
    given = statements.append_column(EVENT_TIME, pa.nulls(statements.num_rows, TIMESTAMP))
    given = given.append_column(EVENT_DAY, pa.nulls(statements.num_rows, pa.string()))
    given = given.select([*filed.column_names, ARRIVAL]).cast(
        pa.schema([*filed.schema, given.schema.field(ARRIVAL)])
    )
    is_one_each = len(pc.unique(given[TRANSACTION_ID])) == given.num_rows
    if filed.num_rows == 0 and is_one_each:
        settled = given.drop_columns([ARRIVAL])
    else:
        settled = settle(filed, given, content=[LABEL, STATE])
    at = settled.schema.get_field_index(KNOWN_TIME)
    waited, stated = settled[KNOWN_TIME], settled[STATED_TIME]
    known = pc.if_else(pc.less(waited, stated), stated, waited)
    rows = settled.set_column(at, KNOWN_TIME, known)
    if filed.num_rows or not is_one_each:
        rows = newest_of_each(rows)
    place = pc.index_in(
        rows[TRANSACTION_ID], value_set=firsts[TRANSACTION_ID].combine_chunks()
    ).combine_chunks()
    for name in (EVENT_TIME, EVENT_DAY):
        values = firsts[name].combine_chunks().take(place)
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)
    rows = rows.filter(place.is_valid())
    return None if _are_same(rows, filed) else rows


def label_homes(rows: pa.Table) -> pa.Table:
    """Select the version of each transaction under whose day its labels are filed.

    It is the first one; of a transaction that was always withdrawn, the earliest.
    """
    columns = [TRANSACTION_ID, EVENT_TIME, EVENT_DAY]
    firsts = rows.filter(rows[IS_FIRST])
    ids = firsts[TRANSACTION_ID].combine_chunks()
    if pc.all(rows[IS_FIRST]).as_py() is not False:
        return firsts.select(columns)
    rest = rows.filter(pc.invert(pc.is_in(rows[TRANSACTION_ID], value_set=ids)))
    if rest.num_rows:
        rest = rest.sort_by([(TRANSACTION_ID, "ascending"), (KNOWN_TIME, "ascending")])
        own = rest[TRANSACTION_ID].combine_chunks()
        is_earliest = pa.concat_arrays([pa.array([True]), pc.not_equal(own[1:], own[:-1])])
        rest = rest.filter(is_earliest)
    return pa.concat_tables([firsts.select(columns), rest.select(columns)])


@dataclass(frozen=True, slots=True)
class MatchedReports:
    """Reports that were looked for among some transactions.

    Attributes:
        known: those that belong to one of them.
        statements: those of them that say something on its label.
        faulty: those of them that broke a rule, with its name.
    """

    known: pa.Table
    statements: pa.Table
    faulty: pa.Table


def match_reports(reports: pa.Table, firsts: pa.Table) -> MatchedReports:
    """Find the transactions of reports, and split off the reports that break a rule.

    Args:
        reports: statements; `known_time` is null where none was delivered.
        firsts: first versions of transactions.
    """
    place = pc.index_in(
        reports[TRANSACTION_ID], value_set=firsts[TRANSACTION_ID].combine_chunks()
    ).combine_chunks()
    known = reports.append_column(EVENT_TIME, firsts[EVENT_TIME].combine_chunks().take(place))
    known = known.filter(place.is_valid())
    early = pc.fill_null(pc.less(known[KNOWN_TIME], known[EVENT_TIME]), fill_value=False)
    split = split_rows(
        known,
        {
            WITHOUT_KNOWN_TIME: np.asarray(known[KNOWN_TIME].is_null()),
            BEFORE_EVENT: np.asarray(early),
            WITHOUT_MEANING: np.asarray(
                pc.fill_null(pc.equal(known[LABEL], NO_MEANING), fill_value=False)
            ),
        },
    )
    return MatchedReports(known, split.clean.drop_columns([EVENT_TIME]), split.quarantined)


def match_ids(reports: pa.Table, schema: pa.Schema) -> pa.Table:
    """Cast the reports' ids to the type of the transactions' ids.

    Raises:
        InputError: when they are of another kind.
    """
    kind = schema.field(TRANSACTION_ID).type
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


def _are_same(rows: pa.Table, filed: pa.Table) -> bool:
    if rows.num_rows != filed.num_rows:
        return False
    keys = [(c, "ascending") for c in (TRANSACTION_ID, STATED_TIME, KNOWN_TIME, SOURCE_TIME)]
    left, right = (t.sort_by(keys).combine_chunks() for t in (rows, filed))
    return bool(left.equals(right))
