"""Ten days of transactions with later versions and corrected labels, as the lake has them."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from feature_jobs.declaration.features import Condition, FeatureSet, LinkGroup, WindowGroup
from feature_jobs.executors.spark.job import build_features
from feature_jobs.io.data_files import DataFile
from feature_jobs.stages.write import Day
from tests.feature_jobs.builds import TIME
from tests.feature_jobs.histories import hours
from tests.feature_jobs.oracle import Row

DAY = timedelta(hours=24)
HOURS = (timedelta(hours=7), timedelta(hours=60))
LAST = 10 * 24  # hours
LONELY = 12  # a day that has no first version


def corrected_features() -> FeatureSet:
    """Every aggregate of the cards' windows, with and without a delay, and links."""
    on = {"entity": "card_id", "windows": HOURS}
    numbers = ("count", "sum", "mean", "std", "min", "prior_max", "last", "median", "distinct")
    ages = ("time_since_last", "time_since_first")
    windows = (
        WindowGroup(measure="amount", aggregates=numbers, **on),
        WindowGroup(measure="amount", aggregates=numbers, delay=DAY, **on),
        WindowGroup(aggregates=("count", *ages), **on),
        WindowGroup(measure="device_id", aggregates=("distinct",), **on),
        WindowGroup(measure="large", aggregates=("count", "share", *ages), **on),
        WindowGroup(measure="amount", where="large", aggregates=numbers[:6], **on),
        WindowGroup(measure="is_fraud", aggregates=("count", "rate", *ages), **on),
        WindowGroup(measure="is_genuine", aggregates=ages, delay=DAY, **on),
    )
    links = LinkGroup(
        entity="card_id", through="device_id", aggregates=("neighbours", "neighbour_frauds"),
        windows=HOURS, max_degree=4,
    )  # fmt: skip
    return FeatureSet(
        conditions=(Condition(name="large", sql="amount > 1"),), windows=windows, links=(links,)
    )


def make_rows(count: int = 260, seed: int = 4) -> list[Row]:
    """Versions in their order; ties, late arrivals, corrections, withdrawals, moved event days."""
    chance = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        at = float(chance.integers(0, LAST))
        reports = np.sort(chance.integers(1, 90, 2 + number % 2 if chance.random() < 0.3 else 0))
        first = Row(
            number, hours(at), hours(at + chance.choice([0, 0, 0, 5, 30])),
            entity=int(chance.integers(1, 9)) if number % 40 else None,
            amount=float(chance.integers(1, 300)) / 100, device=int(chance.integers(0, 12)),
            labels=tuple((hours(at + float(n)), 1 - k % 2) for k, n in enumerate(reports)),
        )  # fmt: skip
        rows += _versions(first, chance) if chance.random() < 0.5 else [first]
    lonely, known = hours(24 * LONELY), hours(24 * LONELY + 9)
    first = Row(count, hours(LAST - 1), hours(LAST - 1), amount=2.0, device=1, replaced=known)
    rows += [first, replace(first, event=lonely, known=known, replaced=None, is_first=False)]
    return sorted(rows, key=lambda row: (row.event, row.transaction_id, row.known))


def _versions(first: Row, chance: np.random.Generator) -> list[Row]:
    versions = [first]
    for _ in range(int(chance.integers(1, 4))):
        before = versions[-1]
        known = before.known + timedelta(hours=int(chance.integers(1, 60)))
        versions[-1] = replace(before, replaced=before.replaced or known)
        moved = before.event + timedelta(hours=int(chance.integers(-40, 41)))
        changes: dict[str, object] = {
            0: {"amount": float(chance.integers(1, 300)) / 100},
            1: {"entity": int(chance.integers(1, 9))},
            2: {"device": int(chance.integers(0, 12))},
            3: {"event": min(moved, known)},
            4: {"replaced": known},  # withdrawn
        }[int(chance.integers(0, 5))]
        later = replace(before, known=known, replaced=None, is_first=False)
        versions.append(replace(later, **changes))  # type: ignore[arg-type]
    return versions


def table_of(rows: list[Row]) -> pa.Table:
    """The transactions of the lake; where nothing was ever replaced as older lakes have them."""
    columns = {
        "transaction_id": pa.array([row.transaction_id for row in rows], pa.int64()),
        "event_time": pa.array([row.event for row in rows], TIME),
        "known_time": pa.array([row.known for row in rows], TIME),
        "card_id": pa.array([row.entity for row in rows], pa.int64()),
        "device_id": pa.array([row.device for row in rows], pa.int64()),
        "amount": pa.array([row.amount for row in rows], pa.float64()),
    }
    if any(row.replaced is not None or not row.is_first for row in rows):
        columns["replaced_time"] = pa.array([row.replaced for row in rows], TIME)
        columns["is_first"] = pa.array([row.is_first for row in rows], pa.bool_())
    return pa.table(columns)


def days_of(rows: list[Row], folder: Path) -> list[Day]:
    found = []
    for name in sorted({str(row.event.date()) for row in rows}):
        path = folder / f"event_day={name}" / "part.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        own = [row for row in rows if str(row.event.date()) == name]
        pq.write_table(table_of(own), path)
        found.append(Day(name, (str(path),), len(own)))
    return found


def labels_of(rows: list[Row]) -> pa.Table:
    """What became known; a fraud is taken back by 0 or, for every other transaction, by null."""
    lines = [
        (row.transaction_id, when, value or (None if row.transaction_id % 2 else 0))
        for row in rows if row.is_first
        for when, value in row.labels
    ]  # fmt: skip
    ids, times, values = zip(*lines, strict=True)
    return pa.table({
        "transaction_id": pa.array(ids, pa.int64()), "known_time": pa.array(times, TIME),
        "is_fraud": pa.array(values, pa.int8()),
    })  # fmt: skip


def build_corrected(
    session: SparkSession,
    rows: list[Row],
    folder: Path,
    features: FeatureSet,
    *,
    wanted: Collection[str] | None = None,
    **options: object,
) -> list[DataFile]:
    days = days_of(rows, folder)
    pq.write_table(labels_of(rows), folder / "labels.parquet")
    return build_features(
        session,
        days=[replace(day, is_wanted=wanted is None or day.day in wanted) for day in days],
        labels=[str(folder / "labels.parquet")],
        features=features,
        entities=["card_id", "device_id"],
        attributes={},
        target=str(folder / "features"),
        **options,
    )


def read_by_id(folder: Path, parts: list[DataFile]) -> dict[int, dict[str, object]]:
    tables = [pq.read_table(folder / "features" / part.path, partitioning=None) for part in parts]
    lines = pa.concat_tables(tables)
    assert len(pc.unique(lines["transaction_id"])) == lines.num_rows
    return {line["transaction_id"]: line for line in lines.to_pylist()}
