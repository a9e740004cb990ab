"""Input of the job: each task's rows, conditions that Spark evaluates, known frauds."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

from expectations.contract import EVENT_TIME, KNOWN_TIME, LABEL, TRANSACTION_ID
from feature_jobs.declaration import FeatureGroup, FeatureSet, generated, referenced_columns
from feature_jobs.io import read_present, read_schema, resolve
from feature_jobs.kernels import LABEL_TIMES, LABEL_VALUES
from feature_jobs.stages.shuffle_blocks import BLOCKS
from feature_jobs.stages.worker_errors import map_batches

_FIELDS = pa.schema(
    {
        TRANSACTION_ID: pa.int64(),
        LABEL_TIMES: pa.list_(pa.int64()),
        LABEL_VALUES: pa.list_(pa.int32()),
    }.items()
)

LARGEST_BATCH = 1_000_000  # a day may be larger than the rows of a task

Scatter = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def scatter_history(
    session: SparkSession,
    scatter: Scatter,
    *,
    tasks: Sequence[Sequence[str]],
    features: FeatureSet,
    groups: Sequence[FeatureGroup],
) -> DataFrame:
    """Read keys, measures and conditions of the rows and scatter them, as blocks.

    Tasks read their files themselves, from wherever these are. Rows become rows of Spark only
    where there are conditions, which are Spark's expressions.

    Args:
        session: an open session.
        scatter: from rows to blocks.
        tasks: Parquet files of the transactions, of one schema, for each task.
        features: says what the conditions are.
        groups: say what is needed.
    """
    conditions = {c.name: c.sql for c in features.conditions}
    measures = dict.fromkeys(m for group in groups for m in group.measures)
    met = {name: conditions[name] for name in measures if name in conditions}
    kept = dict.fromkeys([TRANSACTION_ID, EVENT_TIME, KNOWN_TIME])
    kept |= dict.fromkeys(key for group in groups for key in group.keys)
    kept |= dict.fromkeys(name for name in measures if name not in met)
    files = [file for task in tasks for file in task]
    # The newest file: those that lie further back than conditions reach may lack their features,
    # which are then nulls.
    schema = read_schema(files[-1]).remove_metadata()
    spelled = {name.lower(): name for name in schema.names}
    named = [spelled[c.lower()] for sql in met.values() for c in referenced_columns(sql)]
    wanted = pa.schema([schema.field(name) for name in kept | dict.fromkeys(named)])
    numbers = session.range(0, len(tasks), numPartitions=len(tasks))
    if not met:
        read = _reader(tasks, wanted)
        return map_batches(numbers, lambda batches: scatter(read(batches)), BLOCKS)
    types = from_arrow_schema(wanted)
    read = _reader(tasks, to_arrow_schema(types, timezone="UTC"))
    evaluated = [f.expr(generated(sql)).cast("double").alias(name) for name, sql in met.items()]
    rows = map_batches(numbers, read, types).select(*kept, *evaluated)
    return map_batches(rows, scatter, BLOCKS)


def _reader(tasks: Sequence[Sequence[str]], schema: pa.Schema) -> Scatter:
    """Make the function from the numbers of tasks to all rows of each."""

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch[0].to_pylist():
                files = [read_present(file, schema) for file in tasks[number]]
                rows = pa.concat_tables(files).combine_chunks()
                yield from rows.to_batches(max_chunksize=LARGEST_BATCH)

    return read


def load_known_frauds(files: Sequence[str]) -> pa.Table:
    """Load the label history of each row that was ever called a fraud.

    Frauds are few, so they are read here, in one process and batch by batch, and sent to every
    worker; no transaction has to be shuffled to meet its label.

    Args:
        files: Parquet files with `transaction_id`, `known_time`, `is_fraud`; several lines where a
            label was corrected, and of two that became known at one time the one that says fraud
            counts. None: nothing is known of any row.

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
