"""The Spark job: Parquet parts in, point-in-time features out as one Parquet part per event day.

Where conditions read features, a first pass gives those and the second reads its parts. A pass is
three stages with a shuffle of columnar blocks between them, however many entities there are: rows
are scattered to the places of their histories, walked by the kernels, and assembled by day.
Parts are named by the hash of their bytes and not yet visible: the lake commits them.
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
    KNOWN_TIME,
    TRANSACTION_ID,
    AttributeKind,
    InputError,
    OvernightError,
)
from feature_jobs.declaration import FeatureSet, Unit, conditions_reach, earlier_features, units_of
from feature_jobs.io import WrittenPart, read_schema, remove_folder
from feature_jobs.stages import (
    BLOCKS,
    CARGO,
    MANIFEST,
    WRITTEN,
    Assembly,
    Day,
    Layout,
    assembler,
    derive,
    error_of_worker,
    finisher,
    load_known_frauds,
    manifest,
    map_batches,
    passing_columns,
    refuse_unreadable,
    row_schema,
    scatter_history,
    scatterer,
    send,
    walker,
    writer,
)
from feature_jobs.stages import partitioning as division

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
    places: int | None = None,
    share: int | None = None,
) -> list[WrittenPart]:
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
        places: into how many tasks each entity's histories are divided; None: as many as the rows
            ask for. It changes nothing in what is written.
        share: a key of more rows is cut in time; None: what would be an equal share.

    Raises:
        ProblemsError: naming every expression that Spark refuses.
        InputError: when a row was known before it happened, or rows lack a column of the spec.
    """
    if not any(day.is_wanted for day in days):
        return []
    names = features.feature_names()
    computed = frozenset(names if compute is None else compute)
    columns = [TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, *entities, AMOUNT, *attributes]
    read = read_schema(days[0].files[0])
    _refuse_missing(columns, read)
    refuse_unreadable(session, read, features)
    build = _Build(
        session, features, row_schema(read, features), load_known_frauds(labels), tuple(columns),
        places, share,
    )  # fmt: skip
    if earlier_features(features, computed):
        return _in_two_passes(build, days, computed, target=target)
    return build.write(days, computed, target=target, names=names)


def _refuse_missing(columns: Sequence[str], read: pa.Schema) -> None:
    missing = [column for column in columns if column not in read.names]
    if missing:
        raise InputError(
            f"The transactions have no {', '.join(missing)}; they have {', '.join(read.names)}. "
            'The spec names columns that were not ingested: run "overnight ingest" first.'
        )


def _in_two_passes(
    build: "_Build", days: Sequence[Day], computed: frozenset[str], *, target: str
) -> list[WrittenPart]:
    """Write what conditions read first, beside the table, and from that the rest."""
    features = build.features
    earlier = earlier_features(features, computed)
    # Of one name for one build: what a killed one left is written over, and removed.
    named = hashlib.sha256(repr((days, sorted(computed), features)).encode()).hexdigest()[:20]
    folder = f"{target}/{EARLIER}{named}"
    try:
        reach = conditions_reach(features, computed)
        first = date.fromisoformat(min(day.day for day in days if day.is_wanted)) - reach
        ahead = [replace(day, is_wanted=day.day >= str(first - timedelta(days=1))) for day in days]
        parts = build.write(ahead, earlier, target=folder, names=earlier)
        made = {part.day: f"{folder}/{part.path}" for part in parts}
        days = [replace(d, files=(made[d.day],)) if d.day in made else d for d in days]
        rest = computed.difference(earlier)
        return build.write(days, rest, target=target, names=features.feature_names(), made=earlier)
    finally:
        remove_folder(folder)


@dataclass(frozen=True, slots=True)
class _Build:
    """What the passes of a build have in common."""

    session: SparkSession
    features: FeatureSet
    schema: t.StructType
    known: pa.Table
    columns: tuple[str, ...]
    places: int | None
    share: int | None

    def write(
        self,
        days: Sequence[Day],
        computed: Collection[str],
        *,
        target: str,
        names: Sequence[str],
        made: Sequence[str] = (),
    ) -> list[WrittenPart]:
        """One pass to parts with `names`; files of the wanted days hold those in `made` already."""
        session, features = self.session, self.features
        assembly = Assembly(
            columns=self.columns,
            made=tuple(made),
            names=tuple(names),
            units=tuple(units_of(features, computed)),
            passing=tuple(passing_columns(features, computed, self.columns)),
            derived=tuple(d.name for d in features.derived if d.name in computed),
            target=target,
        )
        buckets = division.buckets(session, days)
        try:
            blocks = session.createDataFrame(
                [(at, MANIFEST, manifest(bucket)) for at, bucket in enumerate(buckets)], BLOCKS
            )
            if assembly.units:
                starts = [division.start_of(bucket[0].day) for bucket in buckets[1:]]
                layout = _layout(session, days, assembly.units, self.places, self.share)
                conditions = [c.name for c in features.conditions]
                walk = walker(assembly.units, conditions=conditions, day_borders=starts)
                scattered = scatter_history(
                    session,
                    scatterer(layout, self.known),
                    tasks=[
                        [file for day in task for file in day.files]
                        for task in division.tasks(session, days)
                    ],
                    features=features,
                    units=assembly.units,
                )
                sent = send(scattered, layout.places * len(layout.units))
                walked = map_batches(sent, walk, BLOCKS)
                blocks = blocks.unionByName(walked)
            placed = send(blocks, len(buckets))
            return _collect(_assemble(placed, features, computed, assembly, self.schema))
        except PythonException as error:
            raise error_of_worker(error) from error
        except Py4JJavaError as error:
            raise _given_up(error) from error


def _layout(
    session: SparkSession,
    days: Sequence[Day],
    units: Sequence[Unit],
    places: int | None,
    share: int | None,
) -> Layout:
    count = places or division.count_places(session, sum(day.rows for day in days))
    return Layout(
        units=tuple(units),
        places=count,
        cuts=tuple(division.sample_cuts(days, units, places=count, share=share)),
        since=division.start_of(min(day.day for day in days if day.is_wanted)),
        time_borders=tuple(division.time_borders(days, units, places=count)),
    )


def _assemble(
    blocks: DataFrame,
    features: FeatureSet,
    computed: Collection[str],
    assembly: Assembly,
    schema: t.StructType,
) -> DataFrame:
    """Written parts, with derived features made by Spark in between where there are any."""
    if not assembly.derived:
        return map_batches(blocks, writer(assembly), WRITTEN)
    cargo = t.StructField(CARGO, t.BinaryType())
    passed = t.StructType([*(schema[name] for name in assembly.passing), cargo])
    rows = map_batches(blocks, assembler(assembly, passed), passed)
    return map_batches(derive(rows, features, computed), finisher(assembly), WRITTEN)


def _collect(written: DataFrame) -> list[WrittenPart]:
    parts = [
        WrittenPart(w["path"], w["day"], w["rows"], w["size_bytes"]) for w in written.collect()
    ]
    return sorted(parts, key=lambda part: part.path)


def _given_up(error: Py4JJavaError) -> OvernightError:
    """What Spark itself gave up at: workers lost once too often, a full disk, no memory."""
    reason = str(error.java_exception.getMessage()).strip().splitlines()[0]
    return OvernightError(
        f"Spark gave up: {reason}. Nothing was committed. Look at the cluster's workers, their "
        "memory and their disks, and run the step again."
    )
