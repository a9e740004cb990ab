"""The Spark job: Parquet parts in, point-in-time features out as one Parquet part per event day.

Where conditions read features, those are built first, and the rest from their parts. A build is
three stages with a shuffle of columnar blocks between them, however many entities there are: rows
are mapped to the partitions of their histories, the kernels compute features, and these are written
day by day. Parts are named by the hash of their bytes and not yet visible: the lake commits them.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as t

from expectations.contract import (
    AMOUNT,
    EVENT_TIME,
    IS_FIRST,
    KNOWN_TIME,
    REPLACED_TIME,
    TRANSACTION_ID,
    AttributeKind,
    InputError,
)
from feature_jobs.declaration import (
    FeatureGroup,
    FeatureSet,
    conditions_reach,
    earlier_features,
    feature_groups,
)
from feature_jobs.executors.spark.earlier_stage import EarlierStage
from feature_jobs.io import DataFile, read_schema, remove_folder
from feature_jobs.stages import (
    BLOCKS,
    MANIFEST,
    PASSTHROUGH,
    WRITTEN,
    Assembly,
    Day,
    Layout,
    assembler,
    derive,
    error_of_spark,
    error_of_worker,
    expression_columns,
    finisher,
    load_known_frauds,
    manifest,
    map_batches,
    partitioning,
    refuse_unreadable,
    row_schema,
    scatter_history,
    scatterer,
    send,
    window_computer,
    writer,
)

EARLIER = ".earlier-"


def build_features(
    session: SparkSession,
    *,
    days: Sequence[Day],
    labels: Sequence[str],
    features: FeatureSet,
    entities: Sequence[str],
    attributes: Mapping[str, AttributeKind],
    target: str,
    compute: Collection[str] | None = None,
    partitions: int | None = None,
    rows_per_task: int | None = None,
) -> list[DataFile]:
    """Build the declared features of the wanted days and write one part a day.

    Args:
        session: an open session.
        days: the days to write and, not wanted, those of the lookback.
        labels: Parquet files of the pinned labels.
        features: the declarations.
        entities: entity columns that the rows have.
        attributes: attribute columns that the rows have.
        target: address of the folder that receives `event_day=…/part-….parquet`.
        compute: names of the features to compute; None for all. The others are taken from each
            day's kept part.
        partitions: number of tasks for each entity's histories; None: by the number of rows. It
            changes nothing in what is written.
        rows_per_task: a key of more rows is split in time; None: the mean of the partitions.

    Raises:
        ProblemsError: naming every expression that Spark refuses.
        InputError: when a row was known before it happened, or rows lack a column of the spec.
    """
    if not any(day.is_wanted for day in days):
        return []
    names = features.feature_names()
    computed = frozenset(names if compute is None else compute)
    columns = [TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, *entities, AMOUNT, *attributes]
    # Expressions read no column of versions: when a row is replaced lies in its future.
    stored = read_schema(days[0].files[0])
    read = pa.schema([field for field in stored if field.name not in {REPLACED_TIME, IS_FIRST}])
    _refuse_missing(columns, read)
    refuse_unreadable(session, read, features)
    build = _Build(
        session, features, row_schema(read, features), load_known_frauds(labels), tuple(columns),
        partitions, rows_per_task,
    )  # fmt: skip
    if earlier_features(features, computed):
        return _in_two_stages(build, days, computed, target=target)
    return build.write(days, computed, target=target, names=names)


def _refuse_missing(columns: Sequence[str], read: pa.Schema) -> None:
    missing = [column for column in columns if column not in read.names]
    if missing:
        raise InputError(
            f"The transactions have no {', '.join(missing)}; they have {', '.join(read.names)}. "
            'The spec names columns that were not ingested: run "overnight ingest" first.'
        )


def _in_two_stages(
    build: "_Build", days: Sequence[Day], computed: frozenset[str], *, target: str
) -> list[DataFile]:
    """Write the features that conditions read into a folder beside the table, then the rest."""
    features = build.features
    earlier = earlier_features(features, computed)
    # Of one name for one build: what a killed one left is written over, and removed.
    named = hashlib.sha256(repr((days, sorted(computed), features)).encode()).hexdigest()[:20]
    folder = f"{target}/{EARLIER}{named}"
    try:
        reach = conditions_reach(features, computed)
        first = date.fromisoformat(min(day.day for day in days if day.is_wanted)) - reach
        ahead = [replace(day, is_wanted=day.day >= str(first - timedelta(days=1))) for day in days]
        # Windows of the second stage need to know when these rows are replaced.
        first_stage = replace(build, columns=(*build.columns, REPLACED_TIME))
        parts = first_stage.write(ahead, earlier, target=folder, names=earlier)
        if not parts:  # the days hold later versions only
            return []
        made = EarlierStage.of(ahead, parts, folder=folder, names=earlier)
        days = [
            replace(day, files=made.parts[day.day]) if day.day in made.parts else day
            for day in days
        ]  # fmt: skip
        rest = computed.difference(earlier)
        return build.write(days, rest, target=target, names=features.feature_names(), made=made)
    finally:
        remove_folder(folder)


@dataclass(frozen=True, slots=True)
class _Build:
    """State that the stages of a build have in common."""

    session: SparkSession
    features: FeatureSet
    schema: t.StructType
    known: pa.Table
    columns: tuple[str, ...]
    partitions: int | None
    rows_per_task: int | None

    def write(
        self,
        days: Sequence[Day],
        computed: Collection[str],
        *,
        target: str,
        names: Sequence[str],
        made: EarlierStage | None = None,
    ) -> list[DataFile]:
        """Write parts with `names` in one stage, the second one with what the first has made."""
        session, features, made = self.session, self.features, made or EarlierStage()
        assembly = Assembly(
            columns=self.columns,
            made=made.names,
            names=tuple(names),
            groups=tuple(feature_groups(features, computed)),
            expression_columns=tuple(expression_columns(features, computed, self.columns)),
            derived=tuple(d.name for d in features.derived if d.name in computed),
            target=target,
        )
        buckets = partitioning.buckets(session, days)
        try:
            blocks = session.createDataFrame(
                [(at, MANIFEST, manifest(bucket)) for at, bucket in enumerate(buckets)], BLOCKS
            )
            if assembly.groups:
                starts = [partitioning.start_of(bucket[0].day) for bucket in buckets[1:]]
                layout = _layout(
                    session, days, assembly.groups, self.partitions, self.rows_per_task
                )
                conditions = [c.name for c in features.conditions]
                compute = window_computer(
                    assembly.groups, conditions=conditions, day_borders=starts
                )
                scattered = scatter_history(
                    session,
                    scatterer(layout, self.known),
                    files=made.input_of(partitioning.tasks(session, days)),
                    features=features,
                    groups=assembly.groups,
                )
                sent = send(scattered, layout.partitions * len(layout.groups))
                computed_rows = map_batches(sent, compute, BLOCKS)
                blocks = blocks.unionByName(computed_rows)
            placed = send(blocks, len(buckets))
            return _collect(_assemble(placed, features, computed, assembly, self.schema))
        except PythonException as error:
            raise error_of_worker(error) from error
        except Py4JJavaError as error:
            raise error_of_spark(error) from error


def _layout(
    session: SparkSession,
    days: Sequence[Day],
    groups: Sequence[FeatureGroup],
    partitions: int | None,
    rows_per_task: int | None,
) -> Layout:
    count = partitions or partitioning.count_partitions(session, sum(day.rows for day in days))
    return Layout(
        groups=tuple(groups),
        partitions=count,
        splits=tuple(
            partitioning.sample_splits(days, groups, partitions=count, rows_per_task=rows_per_task)
        ),
        since=partitioning.start_of(min(day.day for day in days if day.is_wanted)),
        time_borders=tuple(partitioning.time_borders(days, groups, partitions=count)),
    )


def _assemble(
    blocks: DataFrame,
    features: FeatureSet,
    computed: Collection[str],
    assembly: Assembly,
    schema: t.StructType,
) -> DataFrame:
    """Write the parts, with derived features made by Spark in between where there are any."""
    if not assembly.derived:
        return map_batches(blocks, writer(assembly), WRITTEN)
    passthrough = t.StructField(PASSTHROUGH, t.BinaryType())
    passed = t.StructType([*(schema[name] for name in assembly.expression_columns), passthrough])
    rows = map_batches(blocks, assembler(assembly, passed), passed)
    return map_batches(derive(rows, features, computed), finisher(assembly), WRITTEN)


def _collect(written: DataFrame) -> list[DataFile]:
    parts = [DataFile(w["path"], w["day"], w["rows"], w["size_bytes"]) for w in written.collect()]
    return sorted(parts, key=lambda part: part.path)
