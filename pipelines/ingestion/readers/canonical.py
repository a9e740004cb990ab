"""Canonical columns of rows: the types of times and days, and the rows that are known at a time."""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_DAY, EVENT_TIME, KNOWN_TIME

NO_DAY = "unknown"
TIMESTAMP = pa.timestamp("us", tz="UTC")


def only_known(rows: pa.Table, as_of: datetime) -> pa.Table:
    """Select the rows that became known before `as_of`."""
    return rows.filter(pc.less(rows[KNOWN_TIME], pa.scalar(as_of, type=TIMESTAMP)))


def with_day(rows: pa.Table) -> pa.Table:
    """Append the event day, `unknown` where there is no event time."""
    # Of many rows few days are written as text.
    dates = rows[EVENT_TIME].cast(TIMESTAMP).combine_chunks().cast(pa.date32()).dictionary_encode()
    texts = pc.strftime(dates.dictionary, format="%Y-%m-%d").cast(pa.string())
    day = texts.take(dates.indices)
    return rows.append_column(EVENT_DAY, pc.fill_null(day.cast(pa.string()), NO_DAY))


def with_known_time(rows: pa.Table) -> pa.Table:
    """Add the known time where the source has none: a row is known when it happens."""
    if EVENT_TIME not in rows.column_names or KNOWN_TIME in rows.column_names:
        return rows
    at = rows.schema.get_field_index(EVENT_TIME)
    return rows.add_column(at + 1, KNOWN_TIME, rows[EVENT_TIME])
