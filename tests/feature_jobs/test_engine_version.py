"""Golden values: equal numbers of the engine mean equal values of every kind of feature."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from feature_jobs.declaration.features import FeatureSet, WindowGroup
from feature_jobs.engine_version import ENGINE_VERSION
from feature_jobs.executors.spark.request import Request
from tests.feature_jobs.builds import DAYS, build, late, make_history, rich_features
from tests.feature_jobs.corrected_history import build_corrected, corrected_features, make_rows

GOLDEN = Path(__file__).with_name("golden_digests.json")
FORM = "the form of a build request"
CORRECTED = "features of corrected rows"
REMEDY = (
    "{names} differ from what engine version {version} gave. If that is intended, raise "
    "ENGINE_VERSION in feature_jobs/engine_version.py, so that every feature table is computed "
    "anew, and add the new number with these digests to tests/feature_jobs/golden_digests.json:\n"
    "{found}"
)


def golden_features() -> FeatureSet:
    """The rich set, and what it lacks: every aggregate with and without the row, with a delay."""
    numbers = ("count", "sum", "mean", "std", "min", "max", "last", "distinct")
    ages = ("time_since_last", "time_since_first")
    both = (*numbers, *(f"prior_{name}" for name in numbers))
    spans = (timedelta(hours=30), timedelta(days=4))
    on = {"entity": "customer_id", "windows": spans}
    added = (
        WindowGroup(measure="amount", aggregates=both, **on),
        WindowGroup(measure="amount", aggregates=numbers, delay=DAYS[0], **on),
        WindowGroup(measure="amount", where="large", aggregates=(*numbers[:-1], "prior_max"), **on),
        WindowGroup(aggregates=("count", "prior_count", *ages), **on),
        WindowGroup(measure="terminal_id", aggregates=("distinct", "prior_distinct"), **on),
        WindowGroup(measure="large", aggregates=("count", "share", "prior_share", *ages), **on),
        WindowGroup(measure="is_fraud", aggregates=("count", "rate", *ages), **on),
    )
    declared = rich_features()
    return declared.model_copy(update={"windows": (*declared.windows, *added)})


def column_digest(column: pa.ChunkedArray) -> str:
    """The bits of every value and the partitions of the nulls."""
    array = column.combine_chunks()
    values = pc.fill_null(array, 0).to_numpy(zero_copy_only=False).view(np.int64)
    nulls = array.is_null().to_numpy(zero_copy_only=False)
    content = str(array.type).encode() + values.tobytes() + nulls.tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


def without_words(schema: object) -> object:
    """A JSON schema without the texts that docstrings put into it."""
    if isinstance(schema, dict):
        return {k: without_words(v) for k, v in schema.items() if k not in {"description", "title"}}
    return [without_words(item) for item in schema] if isinstance(schema, list) else schema


def request_digest() -> str:
    form = json.dumps(without_words(Request.model_json_schema()), sort_keys=True)
    return hashlib.sha256(form.encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    "partitioning", [{"partitions": 1}, {"partitions": 3, "rows_per_task": 60}]
)
def test_the_values_of_an_engine_version_are_the_golden_ones(
    spark: SparkSession, tmp_path: Path, partitioning: dict[str, int]
) -> None:
    declared = golden_features()
    parts = build(spark, late(make_history(600)), tmp_path, declared, **partitioning)
    files = [tmp_path / "features" / part.path for part in parts]
    rows = pa.concat_tables([pq.read_table(file, partitioning=None) for file in files])
    rows = rows.sort_by("transaction_id")
    assert rows.num_rows == 600
    found = {name: column_digest(rows[name]) for name in declared.feature_names()}
    corrected = corrected_digest(spark, tmp_path / "corrected", **partitioning)
    refuse_change(found | {FORM: request_digest(), CORRECTED: corrected})


def corrected_digest(spark: SparkSession, folder: Path, **partitioning: int) -> str:
    """The golden values of transactions that have later versions, all in one."""
    declared = corrected_features()
    parts = build_corrected(spark, make_rows(), folder, declared, **partitioning)
    files = [folder / "features" / part.path for part in parts]
    rows = pa.concat_tables([pq.read_table(file, partitioning=None) for file in files])
    digests = [column_digest(rows[name]) for name in declared.feature_names()]
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:16]


def refuse_change(found: dict[str, str]) -> None:
    golden = json.loads(GOLDEN.read_text()).get(str(ENGINE_VERSION), {})
    if found == golden:
        return
    names = [name for name in found | golden if found.get(name) != golden.get(name)]
    text = json.dumps({str(ENGINE_VERSION): found}, indent=1)
    pytest.fail(REMEDY.format(names=", ".join(names), version=ENGINE_VERSION, found=text))
