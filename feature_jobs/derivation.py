"""Derived features: Spark SQL over row columns, computed features and derived ones before them."""

from collections.abc import Collection, Sequence

import pyarrow as pa
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql import types as t
from pyspark.sql.pandas.types import from_arrow_schema

from expectations.contract import refuse_any
from feature_jobs.definitions import FeatureSet
from feature_jobs.expressions import referenced_columns
from feature_jobs.units import units_of


def derive(rows: DataFrame, features: FeatureSet, computed: Collection[str]) -> DataFrame:
    """Append derived features as doubles; what divides by zero is null."""
    for derived in features.derived:
        if derived.name in computed:
            rows = rows.withColumn(derived.name, f.expr(derived.sql).cast("double"))
    return rows


def passing_columns(
    features: FeatureSet, computed: Collection[str], columns: Sequence[str]
) -> list[str]:
    """What derived features read that are computed now: row columns, and features made before."""
    spelled = {c.lower(): c for c in [*columns, *features.feature_names()]}
    needed: dict[str, None] = {}
    made: set[str] = set()
    for derived in features.derived:
        if derived.name not in computed:
            continue
        for column in referenced_columns(derived.sql):
            if spelled[column.lower()] not in made:
                needed[spelled[column.lower()]] = None
        made.add(derived.name)
    return list(needed)


def row_schema(columns: pa.Schema, features: FeatureSet) -> t.StructType:
    """Spark types of row columns and of every feature."""
    rows = from_arrow_schema(columns.remove_metadata())
    units = units_of(features, features.window_names())
    whole = {name for unit in units for name in unit.counts}
    fields = [
        t.StructField(name, t.LongType() if name in whole else t.DoubleType())
        for name in features.feature_names()
    ]
    return t.StructType([*rows.fields, *fields])


def refuse_unreadable(session: SparkSession, columns: pa.Schema, features: FeatureSet) -> None:
    """Have Spark read every expression, as it has the last word on its own language.

    Raises:
        ProblemsError: naming every expression that it refuses.
    """
    rows = from_arrow_schema(columns.remove_metadata())
    derived = {d.name for d in features.derived}
    every = row_schema(columns, features)
    before = [field for field in every.fields if field.name not in derived]
    problems = []
    for number, condition in enumerate(features.conditions):
        reason = _reason(session, rows, condition.sql, "boolean")
        if reason:
            problems.append(f"features.conditions.{number} ({condition.name}): {reason}")
    for number, feature in enumerate(features.derived):
        reason = _reason(session, t.StructType(before), feature.sql, None)
        if reason:
            problems.append(f"features.derived.{number} ({feature.name}): {reason}")
        before.append(t.StructField(feature.name, t.DoubleType()))
    refuse_any("the declared expressions", problems)


def _reason(
    session: SparkSession, schema: t.StructType, sql: str, kind: str | None
) -> str | None:
    """Why Spark refuses an expression; None when it does not."""
    nothing = session.createDataFrame([], schema)
    try:
        made = nothing.select(f.expr(sql).alias("made"))
        found = made.schema["made"].dataType.simpleString()
        if kind is not None and found != kind:
            return f"it is {found} and has to be {kind}, such as amount > 100"
        made.select(f.col("made").cast("double")).schema  # noqa: B018 -- analysed here
    except AnalysisException as error:
        return str(error).split("SQLSTATE")[0].strip()
    return None
