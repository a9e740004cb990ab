"""Days of a table that meet every expectation, and their profile."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from expectations.contract import Column
from expectations.profile import Profiler

TIME = pa.timestamp("us", tz="UTC")
START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS, ROWS = 40, 60
IDS = (
    Column(name="transaction_id", kind="key", is_required=True),
    Column(name="event_time", kind="time", is_required=True),
    Column(name="known_time", kind="time", is_required=True),
)
AMOUNT = Column(name="amount", kind="number", is_required=True, minimum=0, maximum=1e7)
LABEL = Column(name="is_fraud", kind="label", is_required=True, minimum=0, maximum=1)
CHANNEL = Column(name="channel", kind="text")
ENTITY = Column(name="customer_id", kind="key", is_required=True)
TRANSACTIONS = (*IDS, ENTITY, AMOUNT, CHANNEL)
Change = Callable[[dict[str, list[object]], int], None]


def nothing(_columns: dict[str, list[object]], _day: int) -> None:
    """Leave a day as it is."""


def days(change: Change = nothing, *, first: int = 0) -> list[pa.Table]:
    """Forty days of sixty rows; `change` may alter the columns of each."""
    found = []
    for day in range(first, DAYS):
        random = np.random.default_rng(day)
        times = [START + timedelta(days=day, minutes=24 * n + 1) for n in range(ROWS)]
        columns: dict[str, list[object]] = {
            "transaction_id": [day * ROWS + n for n in range(ROWS)],
            "event_time": list(times),
            "known_time": list(times),
            "customer_id": [n % 7 for n in range(ROWS)],
            "amount": random.lognormal(3, 0.2, ROWS).tolist(),
            "channel": ["web", "pos"] * (ROWS // 2),
            "is_fraud": [int(n % 20 == 0) for n in range(ROWS)],
        }
        change(columns, day)
        kinds = {"event_time": TIME, "known_time": TIME, "amount": pa.float64()}
        found.append(pa.table({k: pa.array(v, kinds.get(k)) for k, v in columns.items()}))
    return found


def profile(columns: tuple[Column, ...], tables: list[pa.Table], **more: object) -> Profiler:
    profiler = Profiler(columns, as_of=START + timedelta(days=DAYS), **more)
    for number, table in enumerate(tables, start=DAYS - len(tables)):
        if table.num_rows:
            profiler.add(str((START + timedelta(days=number)).date()), table)
    return profiler
