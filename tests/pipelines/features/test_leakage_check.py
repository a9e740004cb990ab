"""Planted leaks are found and named, each by its own column, and an honest feature is not.

So is a merge that changes what was filed: the delivery is merged by a dictionary of versions here.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from expectations.contract import InputError
from pipelines.config.installation.settings import load_settings
from pipelines.config.sources import Labels
from pipelines.config.spec import ModelSpec, load_spec
from pipelines.features.later_delivery import LaterDelivery, invent_delivery
from pipelines.features.leakage_check import Built, find_leaks, merge_in_lake, prove_no_leak
from tests.pipelines.banks import COLUMN, SPEC

START = datetime(2025, 1, 1, tzinfo=UTC)
CUTOFF = START + timedelta(days=20)
TIME = pa.timestamp("us", tz="UTC")
WEEK = pd.Timedelta(days=7)
MATURITY = pd.Timedelta(days=3)
REPORTS = 'path = "reports.parquet"\ntransaction_id = "id"\nknown_time = "known"'
Tables = tuple[pa.Table, pa.Table]


def declare(folder: Path, labels: str) -> ModelSpec:
    text = SPEC.format(
        file=folder / "none.parquet", form="parquet", known='known_time = "seen"', share=0.5,
        labels=labels, contract="",
    )  # fmt: skip
    path = Path(folder, "cards.toml")
    path.write_text(text.replace('maturity = "7d"', 'maturity = "3d"').replace('"7d"', '"3d"'))
    return load_spec(str(path))


@pytest.fixture(params=[COLUMN, REPORTS], ids=["column", "reports"])
def spec(request: pytest.FixtureRequest, tmp_path: Path) -> ModelSpec:
    return declare(tmp_path, request.param)


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
            "channel": np.where(np.arange(count) % 3 == 0, "web", "pos"),
            "replaced_time": pa.nulls(count, TIME),
            "is_first": [True] * count,
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
    "correction_read_from_the_start": lambda f: f["newest_amount"].to_numpy(),
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


def build(rows: pa.Table, labels: pa.Table, columns: dict[str, Any]) -> Built:
    """Features and training set by pandas, of the first versions."""
    ordered = labels.to_pandas().sort_values("known_time")
    by_id = ordered.groupby("transaction_id")
    first, last = by_id.first(), by_id.last()
    frame = rows.to_pandas()
    newest = frame.sort_values("known_time").groupby("transaction_id").last()
    frame = frame[frame["is_first"]]
    frame = frame.sort_values(["event_time", "transaction_id"], ignore_index=True)
    ids = frame["transaction_id"]
    frame["newest_amount"] = ids.map(newest["amount"])
    frame["first_known"] = ids.map(first["known_time"])
    frame["first_label"], frame["last_label"] = (
        ids.map(first["is_fraud"]),
        ids.map(last["is_fraud"]),
    )
    made = {name: column(frame) for name, column in columns.items()}
    own = {name: frame[name] for name in ("transaction_id", "customer_id", "amount", "event_time")}
    features = pa.table({name: np.asarray(values) for name, values in (own | made).items()})
    known = ordered[ordered["known_time"] < CUTOFF].groupby("transaction_id").tail(1)
    known = known.set_index("transaction_id")["is_fraud"]
    mature = frame[(frame["event_time"] < CUTOFF - MATURITY) & (frame["known_time"] < CUTOFF)]
    mature = mature.assign(is_fraud=mature["transaction_id"].map(known)).dropna(subset="is_fraud")
    chosen = mature[["transaction_id", "amount", "is_fraud"]]
    return Built(features, pa.Table.from_pandas(chosen, preserve_index=False))


def merge_versions(rows: pa.Table, labels: pa.Table, later: LaterDelivery) -> Tables:
    """Keep every version: a dictionary of what was said of each transaction, by known time."""
    versions: dict[Any, list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        versions.setdefault(row["transaction_id"], []).append(row)
    for row in later.rows.to_pylist():
        own, known = versions.setdefault(row["transaction_id"], []), row["known_time"]
        if own:
            own[-1]["replaced_time"] = known
        if row.pop("is_withdrawn"):
            own.append({**own[-1], "known_time": known, "is_first": False})
        else:
            day = f"{row['event_time']:%Y-%m-%d}"
            own.append({**row, "replaced_time": None, "is_first": not own, "event_day": day})
    every = [row for own in versions.values() for row in own]
    said = [
        {
            **{c: versions[r["transaction_id"]][0][c] for c in ("event_time", "event_day")},
            **{c: r[c] for c in ("transaction_id", "known_time", "is_fraud")},
        }
        for r in (later.rows if later.reports is None else later.reports).to_pylist()
    ]
    return (
        pa.Table.from_pylist(every, rows.schema),
        pa.concat_tables([labels, pa.Table.from_pylist(said, labels.schema)]),
    )


def overwrite_rows(rows: pa.Table, labels: pa.Table, later: LaterDelivery) -> Tables:
    """Put each correction in the place of what is filed, under the known time of that."""
    after, labels_after = merge_versions(rows, labels, later)
    found: dict[Any, dict[str, Any]] = {}
    for row in after.to_pylist():
        before = found.get(row["transaction_id"], row)
        found[row["transaction_id"]] = {
            **row, "known_time": before["known_time"], "replaced_time": None, "is_first": True
        }  # fmt: skip
    return pa.Table.from_pylist(list(found.values()), rows.schema), labels_after


def lose_withdrawn_rows(rows: pa.Table, labels: pa.Table, later: LaterDelivery) -> Tables:
    after, labels_after = merge_versions(rows, labels, later)
    gone = later.rows.filter(later.rows["is_withdrawn"])["transaction_id"].combine_chunks()
    kept = pc.invert(pc.is_in(after["transaction_id"], value_set=gone))
    return after.filter(kept), labels_after


def overwrite_labels(rows: pa.Table, labels: pa.Table, later: LaterDelivery) -> Tables:
    """Change each label where it is filed, under the known time that it has."""
    after, labels_after = merge_versions(rows, labels, later)
    known = {row["transaction_id"]: row["is_fraud"] for row in labels_after.to_pylist()}
    changed = [{**row, "is_fraud": known[row["transaction_id"]]} for row in labels.to_pylist()]
    return after, pa.Table.from_pylist(changed, labels.schema)


HONEST = {"honest": honest, "honest_frauds": honest_frauds}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_leak_is_found_and_named_beside_an_honest_column(
    history: Tables, name: str, tmp_path: Path
) -> None:
    columns = {**HONEST, name: PLANTED[name]}
    later = invent_delivery(declare(tmp_path, COLUMN), *history, CUTOFF)
    proof = find_leaks(lambda r, la: build(r, la, columns), merge_versions, *history, later=later)
    (leak,) = proof.leaks
    assert leak.startswith(f"{name}: ")
    assert "such as transactions [" in leak


def test_honest_columns_raise_no_alarm(history: Tables, spec: ModelSpec, tmp_path: Path) -> None:
    later = invent_delivery(spec, *history, CUTOFF)

    def merge(rows: pa.Table, labels: pa.Table, later: LaterDelivery) -> Tables:
        merged = merge_in_lake(spec, rows, labels, later, root=str(tmp_path / "lake"))
        assert merged[0].num_rows == 400 + later.new + later.corrected + later.withdrawn
        return merged

    for own in (merge, merge_versions):
        proof = find_leaks(lambda r, la: build(r, la, HONEST), own, *history, later=later)
        assert proof.leaks == ()
        assert proof.rows == history[0].num_rows == 400
        assert 250 < proof.training_rows < 400
    assert (later.new, later.corrected, later.withdrawn, later.labels) == (400, 320, 80, 800)


@pytest.mark.parametrize(
    ("merge", "named"),
    [
        (overwrite_rows, ["customer_id", "amount", "event_time", "training set, amount"]),
        (lose_withdrawn_rows, ["the rows themselves differ"]),
        (overwrite_labels, ["honest_frauds", "training set, the rows themselves differ"]),
    ],
)
def test_a_merge_that_changes_the_past_is_found(
    history: Tables, spec: ModelSpec, merge: Any, named: list[str]
) -> None:
    later = invent_delivery(spec, *history, CUTOFF)
    proof = find_leaks(lambda r, la: build(r, la, HONEST), merge, *history, later=later)
    for name in named:
        assert any(line.startswith(name) for line in proof.leaks), proof.leaks


def test_everything_that_can_become_known_is_delivered(history: Tables, spec: ModelSpec) -> None:
    rows, labels = history
    later = invent_delivery(spec, rows, labels, CUTOFF)
    assert pc.min(later.rows["known_time"]).as_py() == later.arrival == CUTOFF
    assert pc.all(pc.less_equal(later.rows["event_time"], later.rows["known_time"])).as_py()
    known = {row["transaction_id"]: row for row in rows.to_pylist()}
    delivered = later.rows.to_pylist()
    again = [row for row in delivered if row["transaction_id"] in known]
    assert len({row["transaction_id"] for row in delivered}) == len(delivered) == 800
    pairs = [(known[row["transaction_id"]], row) for row in again]
    assert all(row["amount"] == before["amount"] * 10 for before, row in pairs)
    assert any(row["customer_id"] != before["customer_id"] for before, row in pairs)
    assert any(row["event_day"] != f"{b['event_time']:%F}" for b, row in pairs for row in [
        {"event_day": f"{row['event_time']:%F}"}])  # fmt: skip
    late = [r for r in delivered if r["transaction_id"] not in known and r["event_time"] < CUTOFF]
    assert len(late) == 200
    frauds = {r["transaction_id"] for r in labels.to_pylist() if r["is_fraud"]}
    said = later.rows if later.reports is None else later.reports
    flips = {row["transaction_id"]: row["is_fraud"] for row in said.to_pylist()}
    assert {flips[number] for number in frauds} == {0, None}
    assert {flips[number] for number in known.keys() - frauds} == {1, None}


def test_a_delivery_to_a_spec_without_labels_brings_none(
    history: Tables, spec: ModelSpec, tmp_path: Path
) -> None:
    bare = spec.model_copy(update={"labels": Labels()})
    rows, labels = history
    later = invent_delivery(bare, rows, labels.slice(0, 0), CUTOFF)
    assert later.reports is None
    assert "is_fraud" not in later.rows.column_names
    assert (later.labels, later.corrected > 0, later.withdrawn > 0) == (0, True, True)
    merged, said = merge_in_lake(bare, rows, labels.slice(0, 0), later, root=str(tmp_path / "l"))
    assert merged.num_rows > rows.num_rows
    assert said["is_fraud"].null_count == said.num_rows == later.withdrawn


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
