"""The Spark job: Parquet parts in, point-in-time features out as one Parquet part per event day.

Windows are computed entity by entity, derived expressions last. Parts are written by the workers,
named by the hash of their bytes and not yet visible: the lake commits them.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f

from expectations.contract import (
    AMOUNT,
    EVENT_DAY,
    EVENT_TIME,
    KNOWN_TIME,
    LABEL,
    TRANSACTION_ID,
    AttributeKind,
    Interval,
    refuse_any,
)
from feature_jobs.definitions import Derived, FeatureSet
from feature_jobs.windows import LABEL_KNOWN, add_windows

ROW_GROUP = 131_072
_WRITTEN = "path string, day string, rows long, size_bytes long"


@dataclass(frozen=True, slots=True)
class WrittenPart:
    """One Parquet file of one event day; `path` is relative to the target folder."""

    path: str
    day: str
    rows: int
    size_bytes: int


def build_features(
    session: SparkSession,
    *,
    transactions: Sequence[str],
    labels: Sequence[str],
    features: FeatureSet,
    entities: Sequence[str],
    attributes: Mapping[str, AttributeKind],
    interval: Interval | None,
    target: Path,
) -> list[WrittenPart]:
    """Build every declared feature and write one part per event day.

    Args:
        session: an open session; its number of shuffle partitions changes nothing.
        transactions: Parquet files of the pinned transactions.
        labels: Parquet files of the pinned labels.
        features: the declarations.
        entities: entity columns that the rows have.
        attributes: attribute columns that the rows have.
        interval: the event times to write; None for all. Only its lookback is read besides.
        target: folder that receives `event_day=…/part-….parquet`.

    Raises:
        ProblemsError: naming every derived feature whose expression Spark refuses.
    """
    if not transactions:
        return []
    columns = [TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, *entities, AMOUNT, *attributes]
    rows = read_rows(session, transactions, columns)
    if interval is not None:
        rows = rows.where(
            (f.col(EVENT_TIME) >= f.lit(interval.start - features.lookback))
            & (f.col(EVENT_TIME) < f.lit(interval.end))
        )
    if any(window.measure == LABEL for window in features.expand()):
        rows = attach_labels(rows, session, labels)
    built = add_features(rows, features, columns=columns)
    if interval is not None:
        built = built.where(f.col(EVENT_TIME) >= f.lit(interval.start))
    return write_days(built, target)


def read_rows(session: SparkSession, files: Sequence[str], columns: Sequence[str]) -> DataFrame:
    """Columns of Parquet files."""
    return session.read.parquet(*files).select(*columns)


def attach_labels(rows: DataFrame, session: SparkSession, labels: Sequence[str]) -> DataFrame:
    """Give each row its label and when that became known; null where there is none.

    The key of `labels` is unique: ingestion keeps one label a transaction.
    """
    if not labels:
        return rows.withColumns(
            {
                LABEL_KNOWN: f.lit(None).cast("timestamp"),
                LABEL: f.lit(None).cast("byte"),
            }
        )
    known = read_rows(session, labels, [TRANSACTION_ID, KNOWN_TIME, LABEL])
    known = known.withColumnRenamed(KNOWN_TIME, LABEL_KNOWN)
    return rows.join(known, on=TRANSACTION_ID, how="left")


def add_features(rows: DataFrame, features: FeatureSet, *, columns: Sequence[str]) -> DataFrame:
    """Append window features, then derived ones, and leave the labels out.

    Args:
        rows: with `columns` and, if labels are counted, `is_fraud` and `label_known_time`.
        features: the declarations.
        columns: what of the rows stands before the features.
    """
    windows = features.expand()
    _refuse_unreadable(rows, features)
    partitions = int(rows.sparkSession.conf.get("spark.sql.shuffle.partitions") or 1)
    for entity in dict.fromkeys(window.entity for window in windows):
        own = [window for window in windows if window.entity == entity]
        rows = add_windows(rows, own, entity=entity, partitions=partitions)
    return _select(rows, features, columns)


def _select(rows: DataFrame, features: FeatureSet, columns: Sequence[str]) -> DataFrame:
    names = [window.name for window in features.expand()]
    return rows.select(*columns, *names, *(derive(d) for d in features.derived))


def derive(derived: Derived) -> Column:
    """A derived feature as a double; what divides by zero is null."""
    return f.expr(derived.sql).cast("double").alias(derived.name)


def _refuse_unreadable(rows: DataFrame, features: FeatureSet) -> None:
    """Let Spark analyse each expression before anything is computed."""
    nothing = rows.select("*", *(f.lit(0.0).alias(w.name) for w in features.expand()))
    problems = []
    for number, derived in enumerate(features.derived):
        try:
            nothing.select(derive(derived))
        except AnalysisException as error:
            reason = str(error).split("SQLSTATE")[0].strip()
            problems.append(f"features.derived.{number} ({derived.name}): {reason}")
    refuse_any("the derived features", problems)


def write_days(rows: DataFrame, target: Path) -> list[WrittenPart]:
    """Write rows as one Parquet file per event day, sorted by the total order."""
    day = f.date_format(EVENT_TIME, "yyyy-MM-dd")
    days = (
        rows.withColumn(EVENT_DAY, day)
        .repartition(EVENT_DAY)
        .sortWithinPartitions(EVENT_DAY, EVENT_TIME, TRANSACTION_ID)
    )
    written = days.mapInArrow(_writer(str(target)), _WRITTEN).collect()
    parts = [WrittenPart(w["path"], w["day"], w["rows"], w["size_bytes"]) for w in written]
    return sorted(parts, key=lambda part: part.path)


def _writer(target: str) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for day, rows in _by_day(batches):
            content = _encode(rows)
            path = f"{EVENT_DAY}={day}/part-{hashlib.sha256(content).hexdigest()[:20]}.parquet"
            _publish(Path(target, path), content)
            yield pa.RecordBatch.from_pylist(
                [{"path": path, "day": day, "rows": rows.num_rows, "size_bytes": len(content)}]
            )

    return write


def _by_day(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[str, pa.Table]]:
    """Regroup batches sorted by event day into one table per day."""
    pending: list[pa.RecordBatch] = []
    for batch in batches:
        days = batch.column(EVENT_DAY)
        start = 0
        for day in pc.unique(days).to_pylist():
            length = pc.sum(pc.equal(days, day)).as_py()
            if pending and pending[-1].column(EVENT_DAY)[0].as_py() != day:
                yield pending[0].column(EVENT_DAY)[0].as_py(), pa.Table.from_batches(pending)
                pending = []
            pending.append(batch.slice(start, length))
            start += length
    if pending:
        yield pending[0].column(EVENT_DAY)[0].as_py(), pa.Table.from_batches(pending)


def _encode(rows: pa.Table) -> bytes:
    """Parquet bytes that depend on the rows alone, not on how they came in batches."""
    plain = pa.schema([pa.field(x.name, _plain(x.type)) for x in rows.schema])
    sink = BytesIO()
    pq.write_table(
        rows.cast(plain).combine_chunks(), sink, compression="zstd", row_group_size=ROW_GROUP
    )
    return sink.getvalue()


def _plain(kind: pa.DataType) -> pa.DataType:
    return pa.timestamp("us", tz="UTC") if pa.types.is_timestamp(kind) else kind


def _publish(path: Path, content: bytes) -> None:
    """Write aside and rename: a name that exists is whole."""
    if path.is_file() and path.stat().st_size == len(content):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".partial")
    aside.write_bytes(content)
    aside.replace(path)
