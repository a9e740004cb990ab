"""What a full delivery says by leaving it out: transactions and reports that are withdrawn."""

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
)
from pipelines.ingestion.filing import (
    ARRIVAL,
    FILE,
    LABELS,
    ROW,
    TRANSACTIONS,
    DayRows,
    newest_of_chains,
)
from pipelines.ingestion.readers import TIMESTAMP, with_day
from pipelines.ingestion.states import ABSENT
from pipelines.lake import Lake, with_versions

NO_FILE = -1


def add_absent_rows(lake: Lake, rows: DayRows, arrival: datetime) -> int:
    """Add to a full delivery the transactions that it leaves out, withdrawn; return their number.

    Args:
        lake: has what is filed.
        rows: all rows of the delivery.
        arrival: of the delivery.
    """
    at = lake.latest(TRANSACTIONS)
    if at is None or not rows.num_rows:
        return 0
    missing = []
    for day, filed in lake.read_days(at, columns=lake.schema(at).names):
        versions = with_versions(filed)
        held = versions.filter(versions[REPLACED_TIME].is_null())
        delivered = rows.read(day)
        missing.append(held if delivered is None else _without(held, delivered))
    absent = pa.concat_tables(missing)
    for day in rows.days:  # moved to another day, and so not left out
        delivered = rows.read(day)
        if delivered is not None and absent.num_rows:
            absent = _without(absent, delivered)
    if absent.num_rows:
        rows.add(_withdrawn(absent, rows.schema, arrival))
    return int(absent.num_rows)


def absent_reports(lake: Lake, reports: pa.Table | None, arrival: datetime) -> pa.Table | None:
    """Make statements that the reports a full delivery leaves out are withdrawn.

    Args:
        lake: has what is filed.
        reports: statements of the delivery.
        arrival: of the delivery.
    """
    at = lake.latest(LABELS)
    if at is None or reports is None:
        return None
    keys = [TRANSACTION_ID, SOURCE_TIME]
    delivered = reports.select(keys).append_column(
        "is_there", pa.repeat(pa.scalar(value=True), len(reports))
    )
    found = []
    for _, filed in lake.read_days(at, columns=[*keys, KNOWN_TIME, STATED_TIME, LABEL, STATE]):
        newest = newest_of_chains(filed)
        said = newest.filter(newest[LABEL].is_valid())
        kind = said.schema.field(TRANSACTION_ID).type
        own = delivered.set_column(0, TRANSACTION_ID, delivered[TRANSACTION_ID].cast(kind))
        joined = said.select(keys).join(own, keys)
        found.append(joined.filter(joined["is_there"].is_null()).select(keys))
    absent = pa.concat_tables(found)
    if not absent.num_rows:
        return None
    count = absent.num_rows
    arrived = _repeat(arrival, count)
    return pa.table(
        {
            TRANSACTION_ID: absent[TRANSACTION_ID],
            KNOWN_TIME: arrived,
            LABEL: pa.nulls(count, pa.int8()),
            STATE: pa.array([ABSENT] * count, pa.string()),
            STATED_TIME: arrived,
            SOURCE_TIME: absent[SOURCE_TIME],
            ARRIVAL: arrived,
        }
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


def _repeat(at: datetime, count: int) -> pa.Array:
    return pa.array([at], TIMESTAMP).take(pa.array(np.zeros(count, np.int64)))
