"""What the job reads: row columns, conditions and labels as one frame for every unit."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.pandas.types import from_arrow_schema

from expectations.contract import EVENT_TIME, KNOWN_TIME, TRANSACTION_ID
from feature_jobs.definitions import FeatureSet
from feature_jobs.expressions import referenced_columns
from feature_jobs.labels import LABEL_TIMES, LABEL_VALUES, load_known_frauds
from feature_jobs.scatter import HASH
from feature_jobs.units import Unit

_HASHES = 1 << 30


def read_rows(session: SparkSession, files: Sequence[str], columns: Sequence[str]) -> DataFrame:
    """Columns of Parquet files of one schema, without a look at any but the first."""
    schema = pq.read_schema(files[0]).remove_metadata()
    wanted = pa.schema([schema.field(name) for name in columns])
    return session.read.schema(from_arrow_schema(wanted)).parquet(*files).select(*columns)


def read_history(
    session: SparkSession,
    *,
    files: Sequence[str],
    labels: Sequence[str],
    features: FeatureSet,
    units: Sequence[Unit],
) -> DataFrame:
    """Keys, measures, conditions and labels of rows, and each unit's hash of its key.

    Args:
        session: an open session.
        files: Parquet files of the transactions.
        labels: Parquet files of the labels; none: nothing is known of any row.
        features: says what the conditions are.
        units: say what is needed.
    """
    conditions = {c.name: c.sql for c in features.conditions}
    measures = dict.fromkeys(m for unit in units for m in unit.measures)
    keys = dict.fromkeys(key for unit in units for key in unit.keys)
    met = {name: conditions[name] for name in measures if name in conditions}
    kept = dict.fromkeys([TRANSACTION_ID, EVENT_TIME, KNOWN_TIME])
    kept |= keys | dict.fromkeys(name for name in measures if name not in met)
    spelled = {name.lower(): name for name in pq.read_schema(files[0]).names}
    named = [spelled[c.lower()] for sql in met.values() for c in referenced_columns(sql)]
    rows = read_rows(session, files, list(kept | dict.fromkeys(named)))
    rows = rows.select(
        *kept,
        *(f.expr(sql).cast("double").alias(name) for name, sql in met.items()),
        *(_hash(unit) for unit in units if unit.windows),
    )
    if any(unit.reads_labels for unit in units):
        rows = _attach_labels(session, rows, labels)
    return rows


def _hash(unit: Unit) -> Column:
    hashed = f.pmod(f.xxhash64(*unit.keys), f.lit(_HASHES))
    return hashed.cast("int").alias(f"{HASH}{unit.number}")


def _attach_labels(session: SparkSession, rows: DataFrame, files: Sequence[str]) -> DataFrame:
    known = load_known_frauds(files) if files else None
    if known is None or not known.num_rows:
        nothing = f.lit(None)
        return rows.withColumns(
            {LABEL_TIMES: nothing.cast("array<long>"), LABEL_VALUES: nothing.cast("array<int>")}
        )
    frauds = f.broadcast(session.createDataFrame(known))
    return rows.join(frauds, on=TRANSACTION_ID, how="left")
