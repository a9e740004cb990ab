import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from expectations.contract import InputError, ProblemsError
from feature_jobs.declaration.features import Derived, FeatureSet
from feature_jobs.declaration.stages import lookback
from feature_jobs.io.data_files import DataFile
from tests.feature_jobs.builds import (
    DAYS,
    TIME,
    UNUSUAL,
    build,
    features,
    late,
    make_history,
    read,
    rich_features,
    unusual_windows,
)
from tests.feature_jobs.oracle import Row, window_values
from tests.handbook import PATH, needs_handbook

JUNE = datetime(2018, 6, 1, tzinfo=UTC).replace(tzinfo=None)  # the file has no time zone


def published(raw: pa.Table) -> pa.Table:
    """The Handbook's rows in canonical columns; each arrived when it happened."""
    times = raw["TX_DATETIME"].cast(TIME)
    return pa.table(
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
    history = published(raw)
    parts = build(spark, history, tmp_path / "all", features())
    assert history.num_rows > 100_000
    compare(read(tmp_path / "all", parts), published_features(history))


@pytest.fixture(scope="module")
def whole(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> list[DataFile]:
    """One task for each entity."""
    folder = tmp_path_factory.mktemp("whole")
    return build(spark, late(make_history()), folder, rich_features(), partitions=1)


@pytest.mark.parametrize("partitions", [2, 8, 200])
def test_the_number_of_partitions_changes_no_byte(
    spark: SparkSession, tmp_path: Path, whole: list[DataFile], partitions: int
) -> None:
    parts = build(spark, late(make_history()), tmp_path, rich_features(), partitions=partitions)
    assert parts == whole
    assert len(parts) == 45


def test_splitting_skewed_keys_in_time_changes_no_byte(
    spark: SparkSession, tmp_path: Path, whole: list[DataFile]
) -> None:
    # A terminal with 750 rows, in slices of about 15; customers with 75 are split as well.
    parts = build(
        spark, late(make_history()), tmp_path, rich_features(), partitions=3, rows_per_task=60
    )
    assert parts == whole


def test_some_days_with_their_lookback_give_the_parts_of_the_full_build(
    spark: SparkSession, tmp_path: Path, whole: list[DataFile]
) -> None:
    wanted = {part.day for part in whole[40:43]}
    parts = build(spark, late(make_history()), tmp_path, rich_features(), wanted=wanted)
    assert parts == whole[40:43]


def test_days_that_no_pass_looks_back_to_are_not_needed(
    spark: SparkSession, tmp_path: Path, whole: list[DataFile]
) -> None:
    declared = rich_features()
    # Frauds of 9 days that were known after 7, of rows whose condition looks 7 days back; or 30
    # days and the wait for labels.
    unusual = FeatureSet(
        conditions=(UNUSUAL,),
        windows=(declared.windows[1], *unusual_windows(timedelta(days=9))),
        derived=declared.derived[:1],
    )
    assert lookback(unusual) == timedelta(days=30)
    assert lookback(unusual.model_copy(update={"windows": (
        declared.windows[1].model_copy(update={"windows": DAYS[:2]}), *unusual.windows[1:]
    )})) == timedelta(days=9 + 7 + 7)  # fmt: skip
    assert lookback(declared) == timedelta(days=30 + 7)
    first, last = whole[40].day, whole[44].day
    since = datetime.fromisoformat(first).replace(tzinfo=UTC) - lookback(declared)
    history = late(make_history())
    history = history.filter(pc.greater_equal(history["event_time"], pa.scalar(since, TIME)))
    parts = build(spark, history, tmp_path, declared, wanted={p.day for p in whole[40:]})
    assert parts == whole[40:], (first, last)


def test_a_condition_is_what_it_was_at_the_rows_own_time(
    spark: SparkSession, tmp_path: Path
) -> None:
    history = late(make_history(900))
    windows = unusual_windows(timedelta(days=9))
    declared = rich_features().model_copy(update={"windows": (*features().windows, *windows)})
    found = read(tmp_path, build(spark, history, tmp_path, declared)).set_index("transaction_id")
    week = timedelta(days=7)
    # To the oracle a large amount is one above 1.
    rows = [
        Row(
            transaction_id=row["transaction_id"], event=row["event_time"], known=row["known_time"],
            entity=row["terminal_id"],
            amount=None if math.isnan(ratio) else 1 + float(ratio > 1.5),
            labels=((row["event_time"] + week, row["is_fraud"]),),
        )
        for row in history.to_pylist()
        for ratio in [found["ratio"][row["transaction_id"]]]
    ]  # fmt: skip
    assert 20 < sum(bool(row.is_large) for row in rows) < 500
    swap = {"unusual": "large"}
    for window in (w for g in windows for w in g.expand()):
        asked = replace(
            window,
            measure=swap.get(str(window.measure), window.measure),
            where=swap.get(str(window.where)),
        )
        expected = pd.Series(window_values(rows, asked), [r.transaction_id for r in rows], float)
        assert expected.notna().sum() > 10
        pd.testing.assert_series_equal(
            found[window.name].astype(float), expected.sort_index(), check_names=False
        )


def test_a_row_that_was_known_before_it_happened_is_refused(
    spark: SparkSession, tmp_path: Path
) -> None:
    history = make_history(50)
    hour = pa.scalar(timedelta(hours=1), pa.duration("us"))
    early = pc.subtract(history["event_time"], hour)
    history = history.set_column(history.schema.get_field_index("known_time"), "known_time", early)
    with pytest.raises(
        InputError, match=r"were known before they happened, such as transactions \["
    ):
        build(spark, history, tmp_path, features())


@needs_handbook
def test_the_handbooks_15_features_are_right_on_every_published_row(
    spark: SparkSession, tmp_path: Path
) -> None:
    raw = pq.read_table(PATH)
    history = published(raw)
    weekend = Derived(name="is_weekend", sql="weekday(event_time) >= 5")
    night = Derived(name="is_night", sql="hour(event_time) <= 6")
    parts = build(spark, history, tmp_path, features(weekend, night))
    found = read(tmp_path, parts)
    assert len(found) == 1_754_155
    compare(found, searched_features(history))


def searched_features(history: pa.Table) -> pd.DataFrame:
    """The Handbook's features from running totals, looked up where each window begins and ends."""
    rows = history.to_pandas().sort_values(["event_time", "transaction_id"], ignore_index=True)
    seconds = rows["event_time"].astype("int64").to_numpy() // 1_000_000
    amount = rows["amount"].to_numpy().astype(np.longdouble)
    fraud = rows["is_fraud"].to_numpy().astype(np.int64)
    found = {"transaction_id": rows["transaction_id"].to_numpy()}
    week = 7 * 86_400
    for days in (1, 7, 30):
        first, last = _window(rows["customer_id"].to_numpy(), seconds, days * 86_400, 0)
        order = np.argsort(rows["customer_id"].to_numpy(), kind="stable")
        total = np.append(np.longdouble(0), np.cumsum(amount[order]))
        count = last - first
        found[f"customer_transaction_count_{days}d"] = count
        found[f"customer_amount_mean_{days}d"] = (total[last] - total[first]).astype(float) / count
        terminal = rows["terminal_id"].to_numpy()
        first, last = _window(terminal, seconds, days * 86_400, week)
        order = np.argsort(terminal, kind="stable")
        total = np.append(0, np.cumsum(fraud[order]))
        count, frauds = last - first, total[last] - total[first]
        found[f"terminal_transaction_count_{days}d_delayed_7d"] = count
        found[f"terminal_fraud_rate_{days}d"] = frauds / np.maximum(count, 1)
    stamp = rows["event_time"].dt
    found["is_weekend"] = (stamp.day_of_week >= 5).to_numpy().astype(float)
    found["is_night"] = (stamp.hour <= 6).to_numpy().astype(float)
    return pd.DataFrame(found).sort_values("transaction_id", ignore_index=True)


def _window(keys: np.ndarray, seconds: np.ndarray, length: int, delay: int):
    """Positions `[first, last)` in the order (key, time, id) of each row's `(t-d-w, t-d]`."""
    order = np.argsort(keys, kind="stable")
    span = np.int64(4_000_000_000)  # more than any time since 1970, so one number sorts both
    held = keys[order] * span + seconds[order]
    begin = np.searchsorted(held, keys * span + seconds - delay - length, side="right")
    end = np.searchsorted(held, keys * span + seconds - delay, side="right")
    if delay == 0:  # of tied rows the later ones are not seen
        position = np.empty(len(keys), dtype=np.int64)
        position[order] = np.arange(len(keys))
        end = position + 1
    return begin, end


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
