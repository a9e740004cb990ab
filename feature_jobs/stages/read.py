"""Input of the job: each task's rows, conditions that Spark evaluates, known frauds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

from expectations.contract import (
    EVENT_TIME,
    IS_FIRST,
    KNOWN_TIME,
    LABEL,
    REPLACED_TIME,
    TRANSACTION_ID,
)
from feature_jobs.declaration import FeatureGroup, FeatureSet, generated, referenced_columns
from feature_jobs.io import read_columns, read_present, read_schema, resolve
from feature_jobs.kernels import LABEL_TIMES, LABEL_VALUES, first_versions
from feature_jobs.stages.shuffle_blocks import BLOCKS
from feature_jobs.stages.worker_errors import map_batches

_FIELDS = pa.schema(
    {
        TRANSACTION_ID: pa.int64(),
        LABEL_TIMES: pa.list_(pa.int64()),
        LABEL_VALUES: pa.list_(pa.int32()),
    }.items()
)

_TIME = pa.timestamp("us", tz="UTC")
_VERSION_FIELDS = (pa.field(REPLACED_TIME, _TIME), pa.field(IS_FIRST, pa.bool_()))

_FIRST_TIME = "first_event_time"

LARGEST_BATCH = 1_000_000  # a day may be larger than the rows of a task

Scatter = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


@dataclass(frozen=True, slots=True)
class Input:
    """Parquet files that the tasks of the map stage read, as many lists of each kind as tasks.

    Attributes:
        rows: of the transactions, of one schema; of days whose features conditions read, the parts
            of an earlier stage, which hold first versions only.
        later: of those days the files that hold later versions beside the first ones.
        firsts: the parts of the earlier stage, where there are such files.
        made: features that those parts hold.
    """

    rows: Sequence[Sequence[str]]
    later: Sequence[Sequence[str]] = ()
    firsts: Sequence[Sequence[str]] = ()
    made: Sequence[str] = ()


def scatter_history(
    session: SparkSession,
    scatter: Scatter,
    *,
    files: Input,
    features: FeatureSet,
    groups: Sequence[FeatureGroup],
) -> DataFrame:
    """Read keys, measures and conditions of the rows and scatter them, as blocks.

    Tasks read their files themselves, from wherever these are. Rows become rows of Spark only
    where there are conditions, which are Spark's expressions.

    Args:
        session: an open session.
        scatter: from rows to blocks.
        files: what each task reads.
        features: says what the conditions are.
        groups: say what is needed.
    """
    conditions = {c.name: c.sql for c in features.conditions}
    measures = dict.fromkeys(m for group in groups for m in group.measures)
    met = {name: conditions[name] for name in measures if name in conditions}
    kept = dict.fromkeys([TRANSACTION_ID, EVENT_TIME, KNOWN_TIME])
    kept |= dict.fromkeys(key for group in groups for key in group.keys)
    kept |= dict.fromkeys(name for name in measures if name not in met)
    # The newest file: those that lie further back than conditions reach may lack their features,
    # which are then nulls.
    newest = [file for task in files.rows for file in task][-1]
    schema = read_schema(newest).remove_metadata()
    spelled = {name.lower(): name for name in schema.names}
    named = [spelled[c.lower()] for sql in met.values() for c in referenced_columns(sql)]
    wanted = [schema.field(name) for name in kept | dict.fromkeys(named)]
    kept |= dict.fromkeys(field.name for field in _VERSION_FIELDS)
    asked = pa.schema([*wanted, *_VERSION_FIELDS])
    if not met:
        numbers = session.range(0, len(files.rows), numPartitions=len(files.rows))
        read = _reader(files.rows, asked)
        return map_batches(numbers, lambda batches: scatter(read(batches)), BLOCKS)
    rows = _read_rows(session, files.rows, asked)
    if any(files.later):
        rows = rows.unionByName(_later_versions(session, files, asked))
    evaluated = [f.expr(generated(sql)).cast("double").alias(name) for name, sql in met.items()]
    return map_batches(rows.select(*kept, *evaluated), scatter, BLOCKS)


def _later_versions(session: SparkSession, files: Input, schema: pa.Schema) -> DataFrame:
    """Read later versions, with the features of their transactions' first versions.

    They are null where the first version happened before the later one says: it may then lie
    outside of what a build reads, and the value must not depend on that.
    """
    made = [name for name in schema.names if name in files.made]
    own = pa.schema([field for field in schema if field.name not in made])
    features = pa.schema([schema.field(name) for name in (TRANSACTION_ID, EVENT_TIME, *made)])
    later = _read_rows(session, files.later, own).where(~f.col(IS_FIRST))
    firsts = _read_rows(session, files.firsts, features).withColumnRenamed(EVENT_TIME, _FIRST_TIME)
    joined = later.join(firsts, on=TRANSACTION_ID, how="left")
    is_read = f.col(_FIRST_TIME) >= f.col(EVENT_TIME)
    return joined.select(
        *(f.when(is_read, f.col(n)).alias(n) if n in made else f.col(n) for n in schema.names)
    )


def _read_rows(
    session: SparkSession, tasks: Sequence[Sequence[str]], schema: pa.Schema
) -> DataFrame:
    """Read columns of the tasks' files as rows of Spark."""
    types = from_arrow_schema(schema)
    numbers = session.range(0, len(tasks), numPartitions=len(tasks))
    return map_batches(numbers, _reader(tasks, to_arrow_schema(types, timezone="UTC")), types)


def _reader(tasks: Sequence[Sequence[str]], schema: pa.Schema) -> Scatter:
    """Make the function from the numbers of tasks to all rows of each."""

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch[0].to_pylist():
                files = [read_present(file, schema) for file in tasks[number]]
                rows = pa.concat_tables(files or [schema.empty_table()]).combine_chunks()
                yield from rows.to_batches(max_chunksize=LARGEST_BATCH)

    return read


def read_firsts(address: str, columns: Sequence[str]) -> pa.Table:
    """Read columns of the first versions of a file's transactions.

    Files without columns of versions hold first versions only, of which none was replaced.
    """
    rows = read_columns(address, [*columns, IS_FIRST])
    if IS_FIRST in rows.column_names:
        firsts = first_versions(rows)
        rows = rows if firsts.all() else rows.filter(pa.array(firsts))
    if REPLACED_TIME in columns and REPLACED_TIME not in rows.column_names:
        rows = rows.append_column(REPLACED_TIME, pa.nulls(rows.num_rows, _TIME))
    return rows.select(columns)


def load_known_frauds(files: Sequence[str]) -> pa.Table:
    """Load the label history of each row that was ever called a fraud.

    Frauds are few, so they are read here, in one process and batch by batch, and sent to every
    worker; no transaction has to be shuffled to meet its label.

    Args:
        files: Parquet files with `transaction_id`, `known_time`, `is_fraud`; several lines where a
            label was corrected, and of two that became known at one time the one that says fraud
            counts. A null takes a fraud back. None: nothing is known of any row.

    Returns:
        `transaction_id` and two lists, times in microseconds and values, both by time.
    """
    if not files:
        return _FIELDS.empty_table()
    filesystem, _ = resolve(files[0])
    paths = [resolve(file)[1] for file in files]
    lines = ds.dataset(paths, format="parquet", filesystem=filesystem)
    columns = [TRANSACTION_ID, KNOWN_TIME, LABEL]
    frauds = lines.to_table(columns=columns, filter=pc.field(LABEL) == 1)
    accused = pc.unique(frauds[TRANSACTION_ID])
    says_no = (pc.field(LABEL) == 0) | pc.field(LABEL).is_null()
    taken_back = says_no & pc.field(TRANSACTION_ID).isin(accused)
    known = pa.concat_tables([frauds, lines.to_table(columns=columns, filter=taken_back)])
    at = known.schema.get_field_index(LABEL)
    known = known.set_column(at, LABEL, pc.fill_null(known[LABEL], 0))
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
