"""Small labelled histories for training tests, drawn from a seed."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

START = datetime(2025, 1, 1, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")
COLUMNS = {"amount": "numeric", "channel": "categorical", "count_7d": "numeric"}


def make_rows(count: int = 4_000, *, days: int = 40, seed: int = 3) -> pa.Table:
    """Rows of which large amounts on the web are often frauds; sorted by time."""
    chance = np.random.default_rng(seed)
    seconds = np.sort(chance.uniform(0, days * 86_400, count))
    amount = chance.lognormal(3, 1, count)
    channel = chance.choice(["app", "pos", "web"], count)
    odds = np.where((amount > 60) & (channel == "web"), 0.7, 0.01)
    counts = chance.poisson(4, count).astype(float)
    return pa.table(
        {
            "transaction_id": np.arange(count),
            "event_time": pa.array([START + timedelta(seconds=s) for s in seconds], TIME),
            "customer_id": chance.integers(0, 400, count),
            "amount": amount,
            "channel": pa.array([None if c == "pos" else str(c) for c in channel], pa.string()),
            "count_7d": pa.array(np.where(chance.random(count) < 0.1, np.nan, counts)),
            "is_fraud": pa.array((chance.random(count) < odds).astype(np.int8)),
        }
    )


def day(number: float) -> datetime:
    """An instant, in days after the start."""
    return START + timedelta(days=number)
