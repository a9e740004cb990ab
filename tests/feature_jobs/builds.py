"""A history of 45 days, builds of its features by the job, and what they gave."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from feature_jobs.declaration.features import Condition, Derived, FeatureSet, LinkGroup, WindowGroup
from feature_jobs.executors.spark.job import build_features
from feature_jobs.io.data_files import DataFile
from feature_jobs.stages.write import Day

TIME = pa.timestamp("us", tz="UTC")
START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = tuple(timedelta(days=d) for d in (1, 7, 30))


def features(*derived: Derived) -> FeatureSet:
    """The Handbook's windows."""
    return FeatureSet(
        windows=(
            WindowGroup(entity="customer_id", aggregates=("count",), windows=DAYS),
            WindowGroup(entity="customer_id", measure="amount", aggregates=("mean",), windows=DAYS),
            WindowGroup(entity="terminal_id", aggregates=("count",), windows=DAYS, delay=DAYS[1]),
            WindowGroup(
                entity="terminal_id",
                measure="is_fraud",
                aggregates=("rate",),
                windows=DAYS,
                delay=DAYS[1],
            ),
        ),
        derived=derived,
    )


def make_history(count: int = 3_000) -> pa.Table:
    chance = np.random.default_rng(5)
    hours = np.sort(chance.integers(0, 45 * 24, count))  # many share an hour
    return pa.table(
        {
            "transaction_id": np.arange(count),
            "event_time": pa.array([START + timedelta(hours=int(h)) for h in hours], TIME),
            "known_time": pa.array([START + timedelta(hours=int(h)) for h in hours], TIME),
            "customer_id": chance.integers(0, 40, count),
            # One terminal holds a quarter of all rows.
            "terminal_id": np.where(chance.random(count) < 0.25, 0, chance.integers(0, 60, count)),
            "amount": np.round(chance.lognormal(3, 1, count), 2),
            "is_fraud": pa.array((chance.random(count) < 0.05).astype(np.int8)),
        }
    )


def days_of(history: pa.Table, folder: Path) -> list[Day]:
    """One Parquet file for each event day, as the lake has them."""
    ordered = history.sort_by([("event_time", "ascending"), ("transaction_id", "ascending")])
    names = pc.strftime(ordered["event_time"], format="%Y-%m-%d").combine_chunks()
    found = []
    for name in pc.unique(names).to_pylist():
        path = folder / f"event_day={name}" / "part.parquet"
        path.parent.mkdir(parents=True)
        rows = ordered.filter(pc.equal(names, name))
        pq.write_table(rows, path)
        found.append(Day(name, (str(path),), rows.num_rows))
    return found


def build(
    session: SparkSession,
    history: pa.Table,
    folder: Path,
    declared: FeatureSet,
    **options: object,
) -> list[DataFile]:
    wanted = options.pop("wanted", None)
    days = days_of(history.drop_columns(["is_fraud"]), folder)
    week = pa.scalar(timedelta(days=7), pa.duration("us"))
    labels = history.select(["transaction_id", "event_time", "is_fraud"]).append_column(
        "known_time", pc.add(history["event_time"], week)
    )
    pq.write_table(labels, folder / "labels.parquet")
    return build_features(
        session,
        days=[replace(day, is_wanted=wanted is None or day.day in wanted) for day in days],
        labels=[str(folder / "labels.parquet")],
        features=declared,
        entities=["customer_id", "terminal_id"],
        attributes={},
        target=str(folder / "features"),
        **options,
    )


def read(folder: Path, parts: list[DataFile]) -> pd.DataFrame:
    tables = [pq.read_table(folder / "features" / part.path, partitioning=None) for part in parts]
    return pa.concat_tables(tables).to_pandas().sort_values(["transaction_id"], ignore_index=True)


# It reads a derived feature, which reads a window: a first pass computes both.
UNUSUAL = Condition(name="unusual", sql="ratio > 1.5")


def unusual_windows(*lengths: timedelta) -> list[WindowGroup]:
    """What the terminal saw of transactions that were unusual for their customers."""
    frauds = ("count", "time_since_last", "time_since_first")
    declared = {"entity": "terminal_id", "windows": lengths}
    return [
        WindowGroup(measure="unusual", aggregates=("share", "time_since_first"), **declared),
        WindowGroup(measure="amount", where="unusual", aggregates=("count",), **declared),
        WindowGroup(
            measure="is_fraud", where="unusual", aggregates=frauds, delay=DAYS[1], **declared
        ),
        WindowGroup(measure="is_genuine", aggregates=frauds[1:], delay=DAYS[1], **declared),
    ]


def rich_features() -> FeatureSet:
    """Every kind of feature, on both entities and on the pair of them."""
    hours = (timedelta(hours=5), timedelta(days=9))
    numbers = ("sum", "mean", "std", "min", "prior_max", "last", "count")
    pair = ("customer_id", "terminal_id")
    windows = [
        WindowGroup(entity="terminal_id", measure="amount", aggregates=numbers, windows=hours),
        WindowGroup(
            entity="terminal_id",
            measure="customer_id",
            aggregates=("distinct", "prior_distinct"),
            windows=hours,
        ),
        WindowGroup(
            entity="customer_id",
            measure="large",
            aggregates=("count", "share", "time_since_last"),
            windows=hours,
        ),
        WindowGroup(entity=pair, aggregates=("count", "time_since_last"), windows=hours),
        WindowGroup(
            entity="terminal_id",
            measure="is_fraud",
            aggregates=("rate", "time_since_last"),
            windows=hours,
        ),
        *unusual_windows(*hours),
    ]
    links = LinkGroup(
        entity="customer_id",
        through="terminal_id",
        aggregates=("neighbours", "neighbour_frauds"),
        windows=hours[:1],
    )
    return FeatureSet(
        conditions=(Condition(name="large", sql="amount > 40"), UNUSUAL),
        windows=(*features().windows, *windows),
        links=(links,),
        derived=(
            Derived(name="ratio", sql="amount / customer_amount_mean_7d"),
            Derived(name="hour", sql="hour(event_time)"),
            Derived(name="both", sql="ratio * hour"),
        ),
    )


def late(history: pa.Table) -> pa.Table:
    """Some rows arrive a day after they happened; a customer is missing here and there."""
    number = np.arange(history.num_rows)
    waits = pa.array(np.where(number % 11 == 0, 86_400_000_000, 0), pa.duration("us"))
    known = pc.add(history["event_time"], waits)
    customer = pa.array(history["customer_id"].to_numpy(), mask=number % 97 == 0)
    for name, column in (("known_time", known), ("customer_id", customer)):
        history = history.set_column(history.schema.get_field_index(name), name, column)
    return history
