"""Small labelled histories for training tests, drawn from a seed."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from expectations.contract import AttributeKind, Interval
from training.data.dataset import Dataset, gather_rows
from training.data.encoding import learn_encoding
from training.data.splits import Fold

START = datetime(2025, 1, 1, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")
COLUMNS: Mapping[str, AttributeKind] = {
    "amount": "numeric",
    "channel": "categorical",
    "count_7d": "numeric",
}


# What a trial draws, in full.
PARAMS = {
    "max_bin": 255, "min_data_in_bin": 1, "boost_from_average": False, "learning_rate": 0.1,
    "num_leaves": 15, "max_depth": 4, "min_data_in_leaf": 5, "min_sum_hessian_in_leaf": 0.001,
    "lambda_l1": 0.0, "lambda_l2": 1.0, "feature_fraction": 0.7, "bagging_fraction": 0.7,
    "negative_rate": 1.0, "history": "28d", "rounds": 25,
}  # fmt: skip


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


def as_rows(table: pa.Table, columns: Mapping[str, AttributeKind] = COLUMNS) -> Dataset:
    """Rows as training reads them; categories from all of them."""
    return gather_rows([table], learn_encoding(table, columns), count=table.num_rows)


def fold(train: tuple[float, float], test: tuple[float, float]) -> Fold:
    """A fold, in days after the start."""
    first, second = (Interval(start=day(start), end=day(end)) for start, end in (train, test))
    return Fold(train=first, test=second)


def day(number: float) -> datetime:
    """An instant, in days after the start."""
    return START + timedelta(days=number)
