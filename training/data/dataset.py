"""Labelled rows in time order, the windows of a fold, and who is taken out of the test window.

A card whose fraud is known is stopped, so its later transactions would flatter the model. The
rule is the Fraud Detection Handbook's (chapter "Assessment of real-world FDS").
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    AMOUNT,
    EVENT_TIME,
    LABEL,
    TRANSACTION_ID,
    InputError,
    Interval,
    refuse_any,
)
from training.data.encoding import Encoding
from training.data.splits import Fold
from training.policy import TrainingPolicy

TIMESTAMP = pa.timestamp("us", tz="UTC")
DAY = timedelta(days=1)

# Fewer say nothing: a tree splits off at least one fraud, and a rate needs others beside it.
MIN_ROWS, MIN_FRAUDS = 50, 2


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows ordered by (event time, transaction id).

    Attributes:
        matrix: the model's columns as float32.
        facts: whatever else is known of a row: ids, time, amount, attributes, label.
        encoding: how `matrix` was written.
    """

    matrix: pa.Table
    metadata: pa.Table
    encoding: Encoding

    def __len__(self) -> int:
        return int(self.metadata.num_rows)

    @property
    def labels(self) -> npt.NDArray[np.int8]:
        """0 or 1 a row."""
        labels: npt.NDArray[np.int8] = self.metadata[LABEL].to_numpy()
        return labels

    @property
    def amounts(self) -> npt.NDArray[np.float64]:
        """Amount of each row."""
        amounts: npt.NDArray[np.float64] = self.metadata[AMOUNT].to_numpy()
        return amounts

    def take(self, positions: npt.NDArray[np.signedinteger] | Sequence[int]) -> "Dataset":
        """Dataset at positions, copied."""
        at = pa.array(positions, pa.int64())
        return Dataset(self.matrix.take(at), self.metadata.take(at), self.encoding)

    def bounds(self, interval: Interval) -> tuple[int, int]:
        """Return the positions `[first, end)` of the rows whose event time is in the interval."""
        times: npt.NDArray[np.int64] = self.metadata[EVENT_TIME].cast(pa.int64()).to_numpy()
        limits = pa.array([interval.start, interval.end], TIMESTAMP).cast(pa.int64()).to_numpy()
        first, end = np.searchsorted(times, limits)
        return int(first), int(end)

    def within(self, interval: Interval) -> "Dataset":
        """Dataset whose event time is in the interval, without a copy."""
        first, end = self.bounds(interval)
        return Dataset(
            self.matrix.slice(first, end - first), self.metadata.slice(first, end - first),
            self.encoding,
        )  # fmt: skip

    def recoded(self, encoding: Encoding) -> "Dataset":
        """Return the same rows as another model reads them.

        Raises:
            InputError: naming the columns that these rows do not have.
        """
        missing = [name for name in encoding.names if not self._has(name, encoding)]
        if missing:
            raise InputError(
                f"The rows have no {', '.join(missing)}, which the model reads. Build the training "
                "set with a spec that declares them."
            )
        kinds = encoding.columns
        read = {n: (self.metadata if kinds[n] == "categorical" else self.matrix)[n] for n in kinds}
        return Dataset(encoding.encode(pa.table(read)), self.metadata, encoding)

    def _has(self, name: str, encoding: Encoding) -> bool:
        table = self.metadata if encoding.columns[name] == "categorical" else self.matrix
        return name in table.column_names


def gather_rows(parts: Iterable[pa.Table], encoding: Encoding, *, count: int) -> Dataset:
    """Collect rows that come in pieces, each piece wholly before the next.

    A piece is written into its place in the matrix and let go before the next is asked for, so that
    the wide doubles of a whole history are never held.

    Args:
        parts: the pieces.
        encoding: how the matrix is written.
        count: rows of all pieces.

    Raises:
        InputError: when there is no row.
    """
    columns = {name: np.empty(count, np.float32) for name in encoding.names}
    metadata: list[pa.Table] = []
    filled = 0
    for part in parts:
        ordered = part.sort_by([(EVENT_TIME, "ascending"), (TRANSACTION_ID, "ascending")])
        for name, column in columns.items():
            encoded = encoding.encode_column(name, ordered[name])
            column[filled : filled + len(encoded)] = encoded
        filled += part.num_rows
        kinds = encoding.columns
        kept = [n for n in part.column_names if kinds.get(n) != "numeric" or n == AMOUNT]
        metadata.append(ordered.select(kept).combine_chunks())
    if filled == 0:
        raise InputError("The training set holds no rows. Build it for another as_of.")
    gathered = Dataset(pa.table(columns), pa.concat_tables(metadata).combine_chunks(), encoding)
    metadata.clear()
    pa.default_memory_pool().release_unused()
    return gathered


def train_rows(rows: Dataset, fold: Fold) -> Dataset:
    """Dataset of the train window."""
    return rows.within(fold.train)


def test_rows(rows: Dataset, fold: Fold, policy: TrainingPolicy) -> Dataset:
    """Rows of the test window that `is_tested` keeps."""
    test = rows.within(fold.test)
    kept = is_tested(rows, fold, policy)
    return test if kept.all() else test.take(np.flatnonzero(kept))


def is_tested(rows: Dataset, fold: Fold, policy: TrainingPolicy) -> npt.NDArray[np.bool_]:
    """Return False for rows of the test window whose `exclude_detected` is known to be defrauded.

    On test day i (from 0) a member is out that had a fraud from `train end - exclude_window` up to
    the end of day `train end + i - 1`: those whose labels have arrived by then.
    """
    test = rows.within(fold.test)
    if policy.exclude_detected is None:
        return np.ones(len(test), dtype=np.bool_)
    return ~_is_detected(rows, test, fold, policy)


def check_folds(rows: Dataset, folds: Sequence[Fold], policy: TrainingPolicy) -> None:
    """Refuse folds that nothing can be learned from or measured on, all at once.

    Raises:
        ProblemsError: naming each window with too few rows, too few frauds, or frauds only.
    """
    problems: list[str] = []
    for fold in folds:
        problems += _window_problems("train", fold.train, train_rows(rows, fold).labels)
        problems += _window_problems("test", fold.test, test_rows(rows, fold, policy).labels)
    refuse_any("the training set", dict.fromkeys(problems))


def empty_columns(rows: Dataset) -> list[str]:
    """Columns that hold one value or none in all rows; a model learns nothing from them."""
    found = []
    for name in rows.matrix.column_names:
        values = rows.matrix[name].to_numpy()
        if np.isnan(values).all() or (values == values[0]).all():
            found.append(name)
    return found


def day_numbers(rows: Dataset, interval: Interval) -> npt.NDArray[np.int64]:
    """Whole days from the start of the interval to each row."""
    since = pc.subtract(rows.metadata[EVENT_TIME], pa.scalar(interval.start, type=TIMESTAMP))
    microseconds: npt.NDArray[np.int64] = since.cast(pa.int64()).to_numpy()
    return microseconds // (DAY // timedelta(microseconds=1))


def _window_problems(role: str, interval: Interval, labels: npt.NDArray[np.int8]) -> Sequence[str]:
    count, frauds = len(labels), int(labels.sum())
    if count >= MIN_ROWS and MIN_FRAUDS <= frauds < count:
        return []
    return [
        f"the {role} window {interval} holds {count:,} rows and {frauds:,} frauds; it needs "
        f"{MIN_ROWS} rows, {MIN_FRAUDS} frauds and a row that is none. Ingest more days, lengthen "
        f"training.{role}_window, take fewer training.folds, or choose another as_of"
    ]


def _is_detected(
    rows: Dataset, test: Dataset, fold: Fold, policy: TrainingPolicy
) -> npt.NDArray[np.bool_]:
    entity = str(policy.exclude_detected)
    window = policy.exclude_window or policy.train_window
    past = rows.within(Interval(start=fold.train.end - window, end=fold.test.start))
    frauds = past.take(np.flatnonzero(past.labels == 1))
    # Day 0 is the first after the train window; its frauds are known on test day 1.
    after = Interval(start=fold.train.end, end=fold.test.start)
    detected = pa.table(
        {entity: frauds.metadata[entity], "since": np.maximum(day_numbers(frauds, after) + 1, 0)}
    )
    first = detected.group_by(entity).aggregate([("since", "min")])
    position = pc.index_in(test.metadata[entity], value_set=first[entity].combine_chunks())
    since = first["since_min"].take(position.combine_chunks()).fill_null(np.iinfo(np.int64).max)
    flags: npt.NDArray[np.bool_] = since.to_numpy() <= day_numbers(test, fold.test)
    return flags
