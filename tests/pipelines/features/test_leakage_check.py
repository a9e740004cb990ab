"""Planted leaks are found and named, each by its own column, and an honest feature is not."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from expectations.contract import InputError
from pipelines.config.installation.settings import load_settings
from pipelines.features.leakage_check import find_leaks, prove_no_leak

START = datetime(2025, 1, 1, tzinfo=UTC)
CUTOFF = START + timedelta(days=20)
TIME = pa.timestamp("us", tz="UTC")
WEEK = pd.Timedelta(days=7)


@pytest.fixture(scope="module")
def history() -> tuple[pa.Table, pa.Table]:
    chance = np.random.default_rng(3)
    count = 400
    event = np.sort(chance.integers(0, 19 * 24, count))
    late = np.where(chance.random(count) < 0.1, 12, 0)
    when = [START + timedelta(hours=int(h)) for h in event]
    rows = pa.table(
        {
            "transaction_id": np.arange(count),
            "event_time": pa.array(when, TIME),
            "known_time": pa.array(
                [t + timedelta(hours=int(h)) for t, h in zip(when, late, strict=True)], TIME
            ),
            "customer_id": chance.integers(0, 12, count),
            "amount": np.round(chance.lognormal(3, 1, count), 2),
            "event_day": [f"{t:%Y-%m-%d}" for t in when],
        }
    )
    labels = rows.select(["transaction_id", "event_time"]).append_column(
        "known_time", pc.add(rows["event_time"], pa.scalar(timedelta(days=3), pa.duration("us")))
    )
    labels = labels.append_column(
        "is_fraud", pa.array((chance.random(count) < 0.1).astype(np.int8))
    ).append_column("event_day", rows["event_day"])
    known = pc.less(labels["known_time"], pa.scalar(CUTOFF, TIME))
    return rows, labels.filter(known)


def rows_of(frame: pd.DataFrame, mask) -> np.ndarray:
    """How many other rows of the customer a mask of (this, others) picks, row by row."""
    found = []
    for row in frame.itertuples():
        others = frame[(frame["customer_id"] == row.customer_id) & (frame.index != row.Index)]
        found.append(int(mask(row, others).sum()))
    return np.array(found)


def inside(row, others: pd.DataFrame) -> pd.Series:
    return (others["event_time"] > row.event_time - WEEK) & (others["event_time"] <= row.event_time)


def stands_before(row, others: pd.DataFrame) -> pd.Series:
    earlier_id = others["transaction_id"] < row.transaction_id
    return (others["event_time"] < row.event_time) | earlier_id


def honest(frame: pd.DataFrame) -> np.ndarray:
    """Count of the customer's rows in a week that had arrived, in the total order."""
    return rows_of(
        frame,
        lambda row, others: (
            inside(row, others)
            & (others["known_time"] <= row.event_time)
            & (
                (others["event_time"] < row.event_time)
                | (others["transaction_id"] < row.transaction_id)
            )
        ),
    )


def honest_frauds(frame: pd.DataFrame) -> np.ndarray:
    """Frauds in a week by what was first known of each, when it was known."""
    return rows_of(
        frame,
        lambda row, others: (
            inside(row, others)
            & (others["first_known"] <= row.event_time)
            & (others["first_label"] == 1)
        ),
    )


PLANTED = {
    "label_before_its_report": lambda f: rows_of(
        f, lambda row, others: inside(row, others) & (others["first_label"] == 1)
    ),
    "correction_counted_from_the_start": lambda f: rows_of(
        f,
        lambda row, others: inside(row, others)
        & (others["first_known"] <= row.event_time)
        & (others["last_label"] == 1),
    ),
    "late_row_before_it_arrived": lambda f: rows_of(
        f,
        lambda row, others: inside(row, others)
        & stands_before(row, others),
    ),
    "tie_after_the_row": lambda f: rows_of(
        f, lambda row, others: others["event_time"] == row.event_time
    ),
    "window_around_the_row": lambda f: rows_of(
        f, lambda row, others: (others["event_time"] - row.event_time).abs() < WEEK
    ),
    "scaled_by_the_whole_table": lambda f: (f["amount"] / f["amount"].mean()).to_numpy(),
    "customers_mean_over_all_time": lambda f: f.groupby("customer_id")["amount"]
    .transform("mean")
    .to_numpy(),
    "time_to_the_next": lambda f: (
        f.groupby("customer_id")["event_time"].shift(-1) - f["event_time"]
    )
    .dt.total_seconds()
    .to_numpy(),
    "own_label": lambda f: f["last_label"].fillna(0).to_numpy(),
}  # fmt: skip


def build(rows: pa.Table, labels: pa.Table, columns: dict) -> pa.Table:
    known = labels.to_pandas().sort_values("known_time").groupby("transaction_id")
    first, last = known.first(), known.last()
    frame = rows.to_pandas().sort_values(["event_time", "transaction_id"], ignore_index=True)
    ids = frame["transaction_id"]
    frame["first_known"] = ids.map(first["known_time"])
    frame["first_label"], frame["last_label"] = (
        ids.map(first["is_fraud"]),
        ids.map(last["is_fraud"]),
    )
    made = {name: column(frame) for name, column in columns.items()}
    return pa.table({"transaction_id": ids.to_numpy(), **made})


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_leak_is_found_and_named_beside_an_honest_column(history, name: str) -> None:
    columns = {"honest": honest, "honest_frauds": honest_frauds, name: PLANTED[name]}
    proof = find_leaks(lambda r, la: build(r, la, columns), *history, cutoff=CUTOFF)
    (leak,) = proof.leaks
    assert leak.startswith(f"{name}: ")
    assert "such as transactions [" in leak


def test_honest_columns_raise_no_alarm(history) -> None:
    columns = {"honest": honest, "honest_frauds": honest_frauds}
    proof = find_leaks(lambda r, la: build(r, la, columns), *history, cutoff=CUTOFF)
    assert proof.leaks == ()
    assert proof.rows == history[0].num_rows
    assert proof.later_rows > 0
    assert proof.later_labels > proof.rows


def test_a_proof_is_not_begun_where_spark_cannot_see_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OVERNIGHT_SPARK", "emr-serverless://00f1abcd2345ef09")
    monkeypatch.setenv("OVERNIGHT_SPARK_ROLE", "arn:aws:iam::123456789012:role/spark")
    monkeypatch.setenv("OVERNIGHT_SPARK_ARCHIVE", "s3://bank/environment.tar.gz")
    load_settings.cache_clear()
    try:
        with pytest.raises(InputError, match=r"which EMR Serverless does not see.*local\[\*\]"):
            prove_no_leak("demo", "2025-01-27")
    finally:
        load_settings.cache_clear()
