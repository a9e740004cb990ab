from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from expectations.contract import Interval, ProblemsError
from feature_jobs.definitions import Derived, FeatureSet, WindowGroup
from feature_jobs.job import WrittenPart, build_features
from tests.handbook import PATH, needs_handbook

TIME = pa.timestamp("us", tz="UTC")
START = datetime(2025, 1, 1, tzinfo=UTC)
JUNE = datetime(2018, 6, 1, tzinfo=UTC).replace(tzinfo=None)  # the file has no time zone
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


def build(
    session: SparkSession,
    history: pa.Table,
    folder: Path,
    declared: FeatureSet,
    interval: Interval | None = None,
) -> list[WrittenPart]:
    folder.mkdir(parents=True)
    pq.write_table(history.drop_columns(["is_fraud"]), folder / "transactions.parquet")
    week = pa.scalar(timedelta(days=7), pa.duration("us"))
    labels = history.select(["transaction_id", "event_time", "is_fraud"]).append_column(
        "known_time", pc.add(history["event_time"], week)
    )
    pq.write_table(labels, folder / "labels.parquet")
    return build_features(
        session,
        transactions=[str(folder / "transactions.parquet")],
        labels=[str(folder / "labels.parquet")],
        features=declared,
        entities=["customer_id", "terminal_id"],
        attributes={},
        interval=interval,
        target=folder / "features",
    )


def read(folder: Path, parts: list[WrittenPart]) -> pd.DataFrame:
    tables = [pq.read_table(folder / "features" / part.path, partitioning=None) for part in parts]
    return pa.concat_tables(tables).to_pandas().sort_values(["transaction_id"], ignore_index=True)


def published_features(history: pa.Table) -> pd.DataFrame:
    """The Handbook's features with pandas' own rolling windows, rows in (time, id) order."""
    rows = history.to_pandas().sort_values(["event_time", "transaction_id"])
    found = {"transaction_id": rows["transaction_id"].to_numpy()}
    for days in (1, 7, 30):
        own = rows.set_index("event_time").groupby("customer_id")["amount"]
        back = _in_order(own.rolling(f"{days}D"), rows, "customer_id")
        found[f"customer_transaction_count_{days}d"] = back(lambda w: w.count())
        found[f"customer_amount_mean_{days}d"] = back(lambda w: w.mean())
        at = rows.set_index("event_time").groupby("terminal_id")["is_fraud"]
        late = _in_order(at.rolling("7D"), rows, "terminal_id")
        both = _in_order(at.rolling(f"{7 + days}D"), rows, "terminal_id")
        count = both(lambda w: w.count()) - late(lambda w: w.count())
        frauds = both(lambda w: w.sum()) - late(lambda w: w.sum())
        found[f"terminal_transaction_count_{days}d_delayed_7d"] = count
        found[f"terminal_fraud_rate_{days}d"] = np.where(
            count > 0, frauds / np.maximum(count, 1), 0.0
        )
    return pd.DataFrame(found).sort_values("transaction_id", ignore_index=True)


def _in_order(rolling, rows, entity):
    """Values of a grouped rolling window, put back into the order of `rows`."""
    order = np.argsort(rows[entity].to_numpy(), kind="stable")

    def values(aggregate) -> np.ndarray:
        placed = np.empty(len(rows))
        placed[order] = aggregate(rolling).to_numpy()
        return placed

    return values


def compare(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert found["transaction_id"].tolist() == expected["transaction_id"].tolist()
    for name in expected.columns.drop("transaction_id"):
        if "_mean_" in name:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, err_msg=name)
        else:
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_windows_are_those_of_pandas(spark: SparkSession, tmp_path: Path) -> None:
    history = make_history()
    parts = build(spark, history, tmp_path / "all", features())
    compare(read(tmp_path / "all", parts), published_features(history))


@needs_handbook
def test_the_handbooks_features_are_those_of_pandas_on_its_own_transactions(
    spark: SparkSession, tmp_path: Path
) -> None:
    raw = pq.read_table(
        PATH,
        filters=(pc.field("CUSTOMER_ID") < 1_000)
        & (pc.field("TX_DATETIME") < pa.scalar(JUNE, pa.timestamp("us"))),
    )
    times = raw["TX_DATETIME"].cast(TIME)
    history = pa.table(
        {
            "transaction_id": raw["TRANSACTION_ID"],
            "event_time": times,
            "known_time": times,
            "customer_id": raw["CUSTOMER_ID"],
            "terminal_id": raw["TERMINAL_ID"],
            "amount": raw["TX_AMOUNT"].cast(pa.float64()),
            "is_fraud": raw["TX_FRAUD"].cast(pa.int8()),
        }
    )
    parts = build(spark, history, tmp_path / "all", features())
    assert history.num_rows > 100_000
    compare(read(tmp_path / "all", parts), published_features(history))


def test_the_number_of_partitions_changes_no_byte(spark: SparkSession, tmp_path: Path) -> None:
    names = []
    for partitions in (1, 2, 8):
        spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
        parts = build(spark, make_history(), tmp_path / str(partitions), features())
        names.append([part.path for part in parts])
    assert names[0] == names[1] == names[2]
    assert len(names[0]) == 45


def test_an_interval_gives_the_parts_of_the_full_build(spark: SparkSession, tmp_path: Path) -> None:
    everything = build(spark, make_history(), tmp_path / "all", features())
    interval = Interval(start=START + timedelta(days=40), end=START + timedelta(days=43))
    some = build(spark, make_history(), tmp_path / "some", features(), interval)
    assert [part.path for part in some] == [part.path for part in everything[40:43]]


def test_derived_features_read_rows_and_windows(spark: SparkSession, tmp_path: Path) -> None:
    declared = features(
        Derived(name="is_weekend", sql="weekday(event_time) >= 5"),
        Derived(name="ratio", sql="amount / (customer_transaction_count_1d - 1)"),
    )
    parts = build(spark, make_history(200), tmp_path / "all", declared)
    found = read(tmp_path / "all", parts)
    weekend = [time.weekday() >= 5 for time in found["event_time"]]
    assert found["is_weekend"].tolist() == [float(w) for w in weekend]
    alone = found["customer_transaction_count_1d"] == 1
    assert found["ratio"].isna().tolist() == alone.tolist()


def test_all_expressions_that_spark_refuses_are_named_at_once(
    spark: SparkSession, tmp_path: Path
) -> None:
    declared = features(
        Derived(name="first", sql="amount / no_such_column"),
        Derived(name="second", sql="amount +* 2"),
    )
    with pytest.raises(ProblemsError, match=r"2 problems") as caught:
        build(spark, make_history(50), tmp_path / "all", declared)
    assert "first" in caught.value.problems[0]
    assert "no_such_column" in caught.value.problems[0]
    assert "second" in caught.value.problems[1]
