"""Trailing windows as their definition reads: plain Python, every pair of rows compared."""

import math
import statistics
from dataclasses import dataclass
from datetime import datetime, timedelta

from feature_jobs.definitions import Window


@dataclass(frozen=True)
class Row:
    """One transaction; `fraud_known` is when it was known to be a fraud, None if never."""

    transaction_id: int
    event: datetime
    known: datetime
    entity: int | None
    amount: float | None
    fraud_known: datetime | None = None


def compute(rows: list[Row], window: Window) -> list[float | None]:
    return [_at(row, rows, window) for row in rows]


def _at(  # noqa: PLR0911 -- one return a definition
    now: Row, rows: list[Row], window: Window
) -> float | None:
    if now.entity is None:
        return None
    same = [row for row in rows if row.entity == now.entity]
    frauds = [row for row in same if row.fraud_known and _counts(row, now, row.fraud_known, window)]
    seen = [row for row in same if row is not now and _counts(row, now, row.known, window)]
    if not window.is_prior and not window.delay:
        seen.append(now)
    if window.measure == "is_fraud":
        if window.statistic == "count":
            return len([row for row in frauds if row is not now])
        others = [row for row in same if row is not now and _counts(row, now, row.known, window)]
        return len(frauds) / len(others) if others else 0.0
    if window.measure is None:
        return len(seen)
    values = [row.amount for row in seen if row.amount is not None]
    match window.statistic:
        case "count":
            return len(values)
        case "sum":
            return math.fsum(values)
        case "mean":
            return math.fsum(values) / len(values) if values else None
        case "min":
            return min(values, default=None)
        case "max":
            return max(values, default=None)
        case "std":
            return statistics.stdev(values) if len(values) > 1 else None
    raise AssertionError(window.statistic)


def _counts(row: Row, now: Row, known: datetime, window: Window) -> bool:
    """Whether a row's value, known at a time, is in the window of another row."""
    delay = window.delay or timedelta()
    visible = max(row.event + delay, known)
    older = now.event - window.length - delay < row.event
    if visible != now.event or visible > row.event:
        return older and visible <= now.event
    return older and (row.event, row.transaction_id) < (now.event, now.transaction_id)
