"""Transactions and reports that are withdrawn, as a full delivery leaves them out."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    EVENT_DAY,
    KNOWN_TIME,
    LABEL,
    REPLACED_TIME,
    SOURCE_TIME,
    STATE,
    STATED_TIME,
    TRANSACTION_ID,
    WITHDRAWN,
    InputError,
)
from pipelines.config import ModelSpec
from pipelines.ingestion.arrivals import Arrived
from pipelines.ingestion.delivery import Delivery
from pipelines.ingestion.filing import (
    ARRIVAL,
    FILE,
    LABELS,
    ROW,
    TRANSACTIONS,
    newest_of_chains,
)
from pipelines.ingestion.filing.labels import NO_MEANING
from pipelines.ingestion.manifest import Compared
from pipelines.ingestion.readers import TIMESTAMP, with_day
from pipelines.ingestion.states import ABSENT
from pipelines.lake import Lake, with_versions

NO_FILE = -1
_CHAIN = [TRANSACTION_ID, SOURCE_TIME]


def withdraw_absent(
    spec: ModelSpec, lake: Lake, delivery: Delivery, read: Sequence[Arrived],
    compared: tuple[Compared, Compared], *, now: datetime,
) -> None:  # fmt: skip
    """Add to full deliveries what they say by leaving it out.

    Args:
        spec: says which deliveries are full.
        lake: has what is filed.
        delivery: all that was read.
        read: files of which it was.
        compared: files of transactions and of reports with those that were read before.
        now: when a file that is gone was missed.

    Raises:
        InputError: when a delivery leaves out too much.
    """
    for table, is_full, each, withdraw in (
        (TRANSACTIONS, spec.source.is_full, compared[0], _withdraw_rows),
        (LABELS, spec.labels.is_full, compared[1], _withdraw_reports),
    ):
        own = [one for one in read if one.table == table]
        # Versions of a Delta table, and rows of a query above a value, are not all there is.
        is_all = all(one.file.kind == "file" or one.file.is_whole for one in own)
        if not is_full or not own or not is_all:
            continue
        arrivals = [one.arrival for one in own]
        arrival = max([*arrivals, now] if each.vanished else arrivals)
        withdraw(lake, delivery, arrival, allowed=spec.contract.max_absent_share)


def _withdraw_rows(lake: Lake, delivery: Delivery, arrival: datetime, *, allowed: float) -> None:
    """Add to a full delivery the transactions that it leaves out, withdrawn.

    A row that broke a rule is not left out: its earlier version goes on holding.

    Args:
        lake: has what is filed.
        delivery: all of it.
        arrival: of the delivery.
        allowed: the highest share of the filed transactions that it may leave out.

    Raises:
        InputError: when it leaves out more.
    """
    at, rows = lake.latest(TRANSACTIONS), delivery.rows
    if at is None:
        return
    missing, count = [], 0
    for day, filed in lake.read_days(at, columns=lake.schema(at).names):
        versions = with_versions(filed)
        held = versions.filter(versions[REPLACED_TIME].is_null())
        count += held.num_rows
        delivered = rows.read(day)
        missing.append(held if delivered is None else _without(held, delivered))
    absent = pa.concat_tables(missing)
    # Rows that moved to another day, and rows that broke a rule, are there.
    for delivered in (*map(rows.read, rows.days), *delivery.quarantined):
        if delivered is not None and absent.num_rows:
            absent = _without(absent, delivered)
    if absent.num_rows:
        _refuse_too_many(absent.num_rows, count, rows="transactions", key="source", allowed=allowed)
        rows.add(_withdrawn(absent, rows.schema, arrival))


def _withdraw_reports(lake: Lake, delivery: Delivery, arrival: datetime, *, allowed: float) -> None:
    """Add to full reports a statement for each filed one that they leave out.

    From the arrival on, the label of its transaction is that of the newest report that they hold
    on it; without one, nothing is known any more.

    Args:
        lake: has what is filed.
        delivery: with all reports.
        arrival: of the reports.
        allowed: the highest share of the filed reports that they may leave out.

    Raises:
        InputError: when they leave out more.
    """
    at = lake.latest(LABELS)
    if at is None:
        return
    ids = lake.schema(at).field(TRANSACTION_ID).type
    given = _delivered(delivery.reports, ids)
    chains = given.select(_CHAIN).append_column("is_there", _true(given))
    found, count = [], 0
    for _, filed in lake.read_days(at, columns=[*_CHAIN, KNOWN_TIME, STATED_TIME, LABEL, STATE]):
        newest = newest_of_chains(filed)
        # The others say that the transaction itself is withdrawn.
        reports = newest.filter(pc.or_(newest[LABEL].is_valid(), newest[STATE].is_valid()))
        count += reports.num_rows
        joined = reports.select([*_CHAIN, LABEL]).join(chains, _CHAIN)
        found.append(joined.filter(joined["is_there"].is_null()).drop_columns(["is_there"]))
    remaining = _remaining(given)
    absent = pa.concat_tables(found).join(remaining, TRANSACTION_ID)
    is_same = pc.or_(
        pc.fill_null(pc.equal(absent[LABEL], absent["remaining_label"]), fill_value=False),
        pc.and_(absent[LABEL].is_null(), absent["remaining_label"].is_null()),
    )
    absent = absent.filter(pc.invert(is_same))
    if absent.num_rows:
        _refuse_too_many(absent.num_rows, count, rows="reports", key="labels", allowed=allowed)
        delivery.reports.append(_stated(absent, arrival))


def _remaining(reports: pa.Table) -> pa.Table:
    """Select label and state of the newest report on each transaction, as `remaining_…`."""
    meant = reports.filter(pc.not_equal(pc.fill_null(reports[LABEL], 0), NO_MEANING))
    ordered = meant.sort_by([(TRANSACTION_ID, "ascending"), (SOURCE_TIME, "ascending")])
    own = ordered[TRANSACTION_ID].combine_chunks()
    last = np.append(np.asarray(pc.not_equal(own[1:], own[:-1])), True)[: len(own)]
    newest = ordered.filter(pa.array(last.astype(bool)))
    return pa.table(
        {
            TRANSACTION_ID: newest[TRANSACTION_ID],
            "remaining_label": newest[LABEL],
            "remaining_state": newest[STATE],
            "is_reported": _true(newest),
        }
    )


def _delivered(reports: Sequence[pa.Table], ids: pa.DataType) -> pa.Table:
    columns = [*_CHAIN, LABEL, STATE]
    kinds = pa.schema(
        [(TRANSACTION_ID, ids), (SOURCE_TIME, TIMESTAMP), (LABEL, pa.int8()), (STATE, pa.string())]
    )
    chosen = [kinds.empty_table(), *(each.select(columns).cast(kinds) for each in reports)]
    return pa.concat_tables(chosen)


def _stated(absent: pa.Table, arrival: datetime) -> pa.Table:
    """Make statements of the reports that are left out."""
    count = absent.num_rows
    arrived = _repeat(arrival, count)
    state = pc.if_else(absent["is_reported"].is_valid(), absent["remaining_state"], ABSENT)
    return pa.table(
        {
            TRANSACTION_ID: absent[TRANSACTION_ID],
            KNOWN_TIME: arrived,
            LABEL: absent["remaining_label"],
            STATE: state,
            STATED_TIME: arrived,
            SOURCE_TIME: absent[SOURCE_TIME],
            ARRIVAL: arrived,
        }
    )


def _refuse_too_many(absent: int, filed: int, *, rows: str, key: str, allowed: float) -> None:
    share = absent / filed
    if share > allowed:
        raise InputError(
            f"{absent:,} of {filed:,} {rows} that are filed are left out of a delivery "
            f"that holds all of them by {key}.is_full ({share:.1%}). At most {allowed:.1%} may be. "
            "Nothing was ingested. Deliver all of them; if they are withdrawn indeed, raise "
            "contract.max_absent_share."
        )


def _withdrawn(absent: pa.Table, schema: pa.Schema, arrival: datetime) -> pa.Table:
    """Make delivered rows of filed ones, which say that their transactions are withdrawn."""
    count = absent.num_rows
    given = {
        STATED_TIME: _repeat(arrival, count),
        ARRIVAL: _repeat(arrival, count),
        WITHDRAWN: pa.repeat(pa.scalar(value=True), count),
        FILE: pa.array(np.full(count, NO_FILE, dtype=np.int32)),
        ROW: pa.array(np.arange(count)),
    }
    columns = {
        name: given.get(name, absent[name] if name in absent.column_names else None)
        for name in schema.names
    }
    made = {
        name: pa.nulls(count, schema.field(name).type) if values is None else values
        for name, values in columns.items()
    }
    rows = pa.table(made).cast(schema)
    return with_day(rows.drop_columns([EVENT_DAY]))


def _without(rows: pa.Table, others: pa.Table) -> pa.Table:
    ids = others[TRANSACTION_ID].cast(rows.schema.field(TRANSACTION_ID).type).combine_chunks()
    return rows.filter(pc.invert(pc.is_in(rows[TRANSACTION_ID], value_set=ids)))


def _true(rows: pa.Table) -> pa.Array:
    return pa.array(np.ones(rows.num_rows, dtype=np.bool_))


def _repeat(at: datetime, count: int) -> pa.Array:
    return pa.array([at], TIMESTAMP).take(pa.array(np.zeros(count, np.int64)))
