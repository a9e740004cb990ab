"""Derived features: Spark SQL over row columns, computed features and derived ones before them."""

from collections.abc import Collection, Sequence

import pyarrow as pa
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql import types as t
from pyspark.sql.pandas.types import from_arrow_schema

from expectations.contract import refuse_any
from feature_jobs.declaration import FeatureSet, feature_columns, generated, referenced_columns


def derive(rows: DataFrame, features: FeatureSet, computed: Collection[str]) -> DataFrame:
    """Append derived features as doubles; what divides by zero is null."""
    for derived in features.derived:
        if derived.name in computed:
            rows = rows.withColumn(derived.name, f.expr(generated(derived.sql)).cast("double"))
    return rows


def expression_columns(
    features: FeatureSet, computed: Collection[str], columns: Sequence[str]
) -> list[str]:
    """List the row columns and features that the derived features to compute read."""
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
    """Return the Spark types of row columns and of every feature."""
    rows = from_arrow_schema(columns.remove_metadata())
    fields = [
        t.StructField(column.name, t.LongType() if column.kind == "count" else t.DoubleType())
        for column in feature_columns(features)
    ]
    return t.StructType([*rows.fields, *fields])


def refuse_unreadable(session: SparkSession, columns: pa.Schema, features: FeatureSet) -> None:
    """Analyse every expression with Spark, which has the last word on its own language.

    Raises:
        ProblemsError: naming every expression that it refuses.
    """
    rows = _empty(session, row_schema(columns, features))
    conditions = [(f"conditions.{n} ({c.name})", c.sql) for n, c in enumerate(features.conditions)]
    problems = [
        f"features.{place}: it is {found} and has to be true or false, such as amount > 100"
        if reason is None else f"features.{place}: {reason}"
        for place, sql in conditions
        for found, reason in [_analyse(rows, sql)]
        if found != "boolean"
    ]  # fmt: skip
    derived = {d.name for d in features.derived}
    fields = [field for field in row_schema(columns, features).fields if field.name not in derived]
    rows = _empty(session, t.StructType(fields))
    try:
        derive(rows, features, derived)
    except (AnalysisException, ValueError):  # one at a time, to name every one
        for number, feature in enumerate(features.derived):
            _, reason = _analyse(rows, feature.sql)
            if reason is not None:
                problems.append(f"features.derived.{number} ({feature.name}): {reason}")
            rows = rows.withColumn(feature.name, f.lit(0.0))
    refuse_any("the declared expressions", problems)


def _empty(session: SparkSession, schema: t.StructType) -> DataFrame:
    columns = [f.lit(None).cast(field.dataType).alias(field.name) for field in schema.fields]
    return session.range(0).select(*columns)


def _analyse(rows: DataFrame, sql: str) -> tuple[str | None, str | None]:
    """Return the type of an expression, or why Spark refuses it or its cast to a double."""
    try:
        made = rows.select(f.expr(generated(sql)).alias("made"))
        made.select(f.col("made").cast("double"))
        return made.schema["made"].dataType.simpleString(), None
    except AnalysisException as error:
        return None, str(error).split("SQLSTATE")[0].strip()
    except ValueError as error:
        return None, str(error)
