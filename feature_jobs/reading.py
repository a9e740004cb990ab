"""What the job reads: row columns, conditions and labels as one frame for every unit."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.pandas.types import from_arrow_schema

from expectations.contract import EVENT_TIME, KNOWN_TIME, LABEL, TRANSACTION_ID
from feature_jobs.definitions import FeatureSet
from feature_jobs.expressions import referenced_columns
from feature_jobs.labels import LABEL_TIMES, LABEL_VALUES
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


def load_known_frauds(files: Sequence[str]) -> pa.Table:
    """What became known of each row that was ever called a fraud.

    Frauds are few, so they are read here, in one process and batch by batch, and sent to every
    worker; no transaction has to be shuffled to meet its label.

    Args:
        files: Parquet files with `transaction_id`, `known_time`, `is_fraud`; several lines where a
            label was corrected, and of two that became known at one time the one that says fraud
            counts.

    Returns:
        `transaction_id` and two lists, times in microseconds and values, both by time.
    """
    lines = ds.dataset(list(files), format="parquet")
    columns = [TRANSACTION_ID, KNOWN_TIME, LABEL]
    frauds = lines.to_table(columns=columns, filter=pc.field(LABEL) == 1)
    accused = pc.unique(frauds[TRANSACTION_ID])
    taken_back = (pc.field(LABEL) == 0) & pc.field(TRANSACTION_ID).isin(accused)
    known = pa.concat_tables([frauds, lines.to_table(columns=columns, filter=taken_back)])
    known = known.sort_by([(c, "ascending") for c in columns]).combine_chunks()
    ids = known[TRANSACTION_ID].combine_chunks()
    changed = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    starts = np.flatnonzero(np.append(True, changed)[: len(ids)])
    offsets = pa.array(np.append(starts, len(ids)), pa.int32())
    times = known[KNOWN_TIME].combine_chunks().cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    values = known[LABEL].combine_chunks().cast(pa.int32())
    return pa.table(
        {
            TRANSACTION_ID: ids.take(pa.array(starts)),
            LABEL_TIMES: pa.ListArray.from_arrays(offsets, times),
            LABEL_VALUES: pa.ListArray.from_arrays(offsets, values),
        }
    )
