"""The whole job on rows that were corrected, moved to other days, withdrawn and re-instated."""

import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from expectations.contract import ProblemsError
from feature_jobs.declaration.features import Condition, Derived, FeatureSet, WindowGroup
from feature_jobs.io.data_files import DataFile
from tests.feature_jobs.corrected_history import (
    HOURS,
    LONELY,
    build_corrected,
    corrected_features,
    make_rows,
    read_by_id,
)
from tests.feature_jobs.histories import hours
from tests.feature_jobs.oracle import Row, link_values, window_values

AGES = ("time_since_last", "time_since_first")
FEATURES = corrected_features()
ROWS = make_rows()
FIRSTS = [row for row in ROWS if row.is_first]


def same(found: object, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return math.isclose(float(str(found)), expected, rel_tol=1e-9, abs_tol=1e-12)


@pytest.fixture(scope="module")
def whole(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[DataFile]]:
    folder = tmp_path_factory.mktemp("whole")
    return folder, build_corrected(spark, ROWS, folder, FEATURES, partitions=1)


def test_every_feature_is_that_of_the_definition(whole: tuple[Path, list[DataFile]]) -> None:
    found = read_by_id(*whole)
    assert set(found) == {row.transaction_id for row in FIRSTS}
    moved = [r for r in ROWS if not r.is_first and r.replaced != r.known]
    assert len(moved) > 60
    expected = {w.name: window_values(ROWS, w) for w in FEATURES.expand()}
    expected |= {link.name: link_values(ROWS, link) for link in FEATURES.expand_links()}
    for name, values in expected.items():
        for row, value in zip(FIRSTS, values, strict=True):
            got = found[row.transaction_id][name]
            assert same(got, value), (name, row, got, value)


def test_a_part_has_the_first_versions_of_its_day(whole: tuple[Path, list[DataFile]]) -> None:
    folder, parts = whole
    days = {str(row.event.date()) for row in FIRSTS}
    assert [part.day for part in parts] == sorted(days)
    assert str(hours(24 * LONELY).date()) not in days
    for part in parts:
        own = [row for row in FIRSTS if str(row.event.date()) == part.day]
        written = pq.read_table(folder / "features" / part.path, partitioning=None)
        assert part.rows == len(own)
        assert written["transaction_id"].to_pylist() == [row.transaction_id for row in own]
        assert written["amount"].to_pylist() == [row.amount for row in own]
        assert not {"replaced_time", "is_first"} & set(written.column_names)


@pytest.mark.parametrize("options", [{"partitions": 5}, {"partitions": 3, "rows_per_task": 25}])
def test_the_division_of_the_work_changes_no_byte(
    spark: SparkSession,
    tmp_path: Path,
    whole: tuple[Path, list[DataFile]],
    options: dict[str, int],
) -> None:
    assert build_corrected(spark, ROWS, tmp_path, FEATURES, **options) == whole[1]


def test_a_correction_changes_only_rows_from_its_known_time_on(
    spark: SparkSession, tmp_path: Path, whole: tuple[Path, list[DataFile]]
) -> None:
    noon = hours(5 * 24 + 12)
    chosen = next(
        row for row in ROWS if row.is_first and row.replaced is None and row.entity is not None
        and row.known <= noon and row.event > noon - timedelta(hours=30)
    )  # fmt: skip
    at = ROWS.index(chosen)
    corrected = replace(chosen, amount=999.0, known=noon, is_first=False)
    rows = [*ROWS[:at], replace(chosen, replaced=noon), corrected, *ROWS[at + 1 :]]
    before = read_by_id(*whole)
    after = read_by_id(tmp_path, build_corrected(spark, rows, tmp_path, FEATURES))
    changed = {number for number, line in after.items() if line != before[number]}
    assert changed
    event_of = {row.transaction_id: row.event for row in FIRSTS}
    assert min(event_of[number] for number in changed) >= noon
    assert after[chosen.transaction_id] == before[chosen.transaction_id]


UNUSUAL = Condition(name="unusual", sql="ratio > 1 AND amount > 0.5")
ON_DEVICE = {"entity": "device_id", "windows": HOURS}
IN_TWO_STAGES = FeatureSet(
    conditions=(UNUSUAL,),
    windows=(
        WindowGroup(entity="card_id", measure="amount", aggregates=("mean",), windows=HOURS[1:]),
        WindowGroup(measure="unusual", aggregates=("count", "share", *AGES), **ON_DEVICE),
        WindowGroup(measure="amount", where="unusual", aggregates=("count", "max"), **ON_DEVICE),
        WindowGroup(
            measure="is_fraud", where="unusual", aggregates=("count", *AGES), **ON_DEVICE
        ),
    ),
    derived=(Derived(name="ratio", sql="amount / card_amount_mean_60h"),),
)  # fmt: skip


def test_features_that_conditions_read_are_those_of_the_first_version(
    spark: SparkSession, tmp_path: Path
) -> None:
    parts = build_corrected(spark, ROWS, tmp_path, IN_TWO_STAGES)
    found = read_by_id(tmp_path, parts)
    assert set(found) == {row.transaction_id for row in FIRSTS}
    event_of = {row.transaction_id: row.event for row in FIRSTS}
    rows = []
    for row in ROWS:
        ratio = found[row.transaction_id]["ratio"]
        is_read = event_of[row.transaction_id] >= row.event
        # To the oracle a large amount is one above 1; amounts themselves are compared below.
        met: bool | None = None if ratio is None or not is_read else float(str(ratio)) > 1
        if float(str(row.amount)) <= 0.5:
            met = False
        amount = None if met is None else 1 + float(met)
        rows.append(replace(row, entity=row.device, amount=amount))
    assert any(not row.is_first and row.amount is None for row in rows)
    assert any(not row.is_first and row.is_large for row in rows)
    swap = {"unusual": "large"}
    for window in (w for w in IN_TWO_STAGES.expand() if w.keys == ("device_id",)):
        asked = replace(
            window,
            measure=swap.get(str(window.measure), window.measure),
            where=swap.get(str(window.where)),
        )
        if window.statistic == "max":
            continue
        for row, value in zip(FIRSTS, window_values(rows, asked), strict=True):
            got = found[row.transaction_id][window.name]
            assert same(got, value), (window.name, row, got, value)


def test_some_days_with_their_lookback_give_the_parts_of_the_full_build(
    spark: SparkSession, tmp_path: Path
) -> None:
    parts = build_corrected(spark, ROWS, tmp_path / "all", IN_TWO_STAGES)
    wanted = {part.day for part in parts[7:9]}
    # 60 h of the second stage, 60 h of the first: five days.
    since = hours(24 * (7 - 5))
    some = [row for row in ROWS if row.event >= since]
    found = build_corrected(spark, some, tmp_path / "some", IN_TWO_STAGES, wanted=wanted)
    assert found == parts[7:9]


def test_expressions_cannot_read_when_a_row_is_replaced(
    spark: SparkSession, tmp_path: Path
) -> None:
    declared = FeatureSet(
        windows=FEATURES.windows[:1], derived=(Derived(name="future", sql="isnull(replaced_time)"),)
    )
    with pytest.raises(ProblemsError, match="replaced_time"):
        build_corrected(spark, ROWS, tmp_path, declared)


def test_a_row_withdrawn_is_counted_until_then(spark: SparkSession, tmp_path: Path) -> None:
    rows = [
        Row(1, hours(0), hours(0), amount=2.0, device=1, replaced=hours(30), labels=FRAUD),
        Row(1, hours(0), hours(30), amount=2.0, device=1, replaced=hours(30), is_first=False,
            labels=FRAUD),
        Row(2, hours(29), hours(29), amount=3.0, device=1),
        Row(3, hours(30), hours(30), amount=5.0, device=1),
        Row(4, hours(31), hours(31), amount=7.0, device=1),
    ]  # fmt: skip
    found = read_by_id(tmp_path, build_corrected(spark, rows, tmp_path, FEATURES))
    assert [found[n]["card_amount_sum_60h"] for n in (1, 2, 3, 4)] == [2, 5, 8, 15]
    assert [found[n]["card_fraud_count_60h"] for n in (1, 2, 3, 4)] == [0, 1, 0, 0]


FRAUD = ((hours(5), 1),)
