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
    day = pc.strftime(rows[EVENT_TIME].cast(TIMESTAMP), format="%Y-%m-%d")
    return rows.append_column(EVENT_DAY, pc.fill_null(day.cast(pa.string()), NO_DAY))
