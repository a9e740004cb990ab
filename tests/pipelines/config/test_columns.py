"""One declaration: Spark's schema, the suites and the requests of a spec cannot disagree."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import types as t

from expectations.contract import LABEL, TRANSACTION_ID, Column
from feature_jobs.stages.derived import row_schema
from infra.serving.model.bundle import Feature
from infra.serving.model.refusal import RequestError
from infra.serving.model.row import Row
from infra.serving.model.signature import Signature
from pipelines.config.columns import (
    PROBABILITY,
    SCORE,
    request_columns,
    request_kinds,
    table_columns,
)
from pipelines.config.spec import ModelSpec, list_specs, load_spec

ARROW = {
    "key": pa.int64(),
    "time": pa.timestamp("us", tz="UTC"),
    "number": pa.float64(),
    "count": pa.int64(),
    "text": pa.string(),
    "label": pa.int8(),
}
SPARK = {
    "key": t.LongType(),
    "time": t.TimestampType(),
    "number": t.DoubleType(),
    "count": t.LongType(),
    "text": t.StringType(),
}


@pytest.fixture(params=[*list_specs(), "handbook"])
def spec(request: pytest.FixtureRequest) -> ModelSpec:
    if request.param == "handbook":
        return load_spec("handbook")
    return load_spec(f"{request.param}?contract.allowed.channel=['web','pos']")


def test_sparks_schema_is_that_of_the_feature_table(spec: ModelSpec) -> None:
    columns = table_columns(spec)
    delivered = pa.schema([(c.name, ARROW[c.kind]) for c in columns["transactions"]])
    fields = row_schema(delivered, spec.features).fields
    assert [(f.name, f.dataType) for f in fields] == [
        (c.name, SPARK[c.kind]) for c in columns["features"]
    ]


def measured(suite: Any) -> dict[str, set[str]]:
    """Column to the statistics that a suite looks at."""
    found: dict[str, set[str]] = {}
    for expectation in suite.expectations:
        column, _, statistic = expectation.column.partition(".")
        found.setdefault(column, set()).add(statistic)
    return found


def test_the_suites_look_at_every_column_as_it_is_declared(spec: ModelSpec) -> None:
    from expectations import suites

    tables = table_columns(spec)
    of_rows = measured(suites.build_transaction_suite(tables["transactions"], spec.contract))
    of_features = measured(suites.build_feature_suite(tables["features"], spec.contract))
    of_scores = measured(suites.build_score_suite(tables["scores"], spec.contract))
    for table, seen in (
        (tables["transactions"], of_rows),
        (tables["features"], of_features),
        (tables["scores"], of_scores),
    ):
        for column in table:
            looked_at = seen.get(column.name, set())
            assert ("missing" in looked_at) == column.is_required, column
            ranged = column.minimum is not None or column.maximum is not None
            assert ("outside" in looked_at) == ranged, column
            assert ("not_allowed" in looked_at) == bool(column.allowed), column
        assert {name for name in seen if name in {c.name for c in table}} <= {c.name for c in table}


def test_a_request_is_the_feature_table_without_ids(spec: ModelSpec) -> None:
    tables, requested = table_columns(spec), request_columns(spec)
    of_table = {c.name: c for c in tables["features"]}
    assert all(of_table[column.name] == column for column in requested)
    keyed = {c.name for c in tables["features"] if c.kind in {"key", "time"}}
    assert {c.name for c in requested} == set(of_table) - keyed
    assert [c.name for c in tables["training_set"]] == [*of_table, LABEL]
    assert [c.name for c in tables["scores"][-2:]] == [SCORE, PROBABILITY]


def accepted(column: Column) -> object:
    return "web" if column.kind == "text" else 1.0


def test_the_container_takes_what_the_columns_say_and_nothing_else(spec: ModelSpec) -> None:
    features = tuple(
        Feature(name, kind, ("pos", "web") if kind == "categorical" else ())
        for name, kind in request_kinds(spec).items()
    )
    signature = Signature(features)

    def rows(instance: dict[str, object]) -> list[Row]:
        return signature.rows([instance], unknown_categories="refuse")

    columns = request_columns(spec)
    good = {column.name: accepted(column) for column in columns}
    (row,) = rows(good)
    assert np.frombuffer(row.numbers, np.float32).tolist() == [1.0] * len(columns)
    for column in columns:
        wrong: object = 1.0 if column.kind == "text" else "web"
        with pytest.raises(RequestError) as caught:
            rows(good | {column.name: wrong})
        assert column.name in caught.value.problems[0]
    with pytest.raises(RequestError):
        rows(good | {TRANSACTION_ID: 1})
