"""The rows of a fold: its windows, and who is taken out of the test window.

A card whose fraud is known is stopped, so its later transactions would flatter the model. The
rule is the Fraud Detection Handbook's (chapter "Assessment of real-world FDS").
"""

from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_TIME, LABEL, InputError, Interval
from training.policy import TrainingPolicy
from training.splits import Fold

TIMESTAMP = pa.timestamp("us", tz="UTC")
DAY = timedelta(days=1)


def within(rows: pa.Table, interval: Interval) -> pa.Table:
    """Rows whose event time is in the interval."""
    start, end = (pa.scalar(t, type=TIMESTAMP) for t in (interval.start, interval.end))
    times = rows[EVENT_TIME]
    return rows.filter(pc.and_(pc.greater_equal(times, start), pc.less(times, end)))


def train_rows(rows: pa.Table, fold: Fold) -> pa.Table:
    """Rows of the train window.

    Raises:
        InputError: when they do not hold both frauds and others.
    """
    train = within(rows, fold.train)
    frauds = pc.sum(train[LABEL]).as_py() or 0
    if not 0 < frauds < train.num_rows:
        raise InputError(
            f"The train window {fold.train} holds {train.num_rows:,} rows and {frauds:,} frauds; "
            "a model needs both frauds and others. Lengthen training.train_window, or choose "
            "another as_of."
        )
    return train


def test_rows(rows: pa.Table, fold: Fold, policy: TrainingPolicy) -> pa.Table:
    """Rows of the test window, without members of `exclude_detected` known to be defrauded.

    On test day i (from 0) a member is out that had a fraud from `train end - exclude_window` up to
    the end of day `train end + i - 1`: those whose labels have arrived by then.

    Raises:
        InputError: when no row is left.
    """
    test = within(rows, fold.test)
    entity = policy.exclude_detected
    if entity is not None and test.num_rows:
        test = test.filter(pa.array(~_is_detected(rows, test, fold, policy)))
    if test.num_rows == 0:
        raise InputError(
            f"The test window {fold.test} holds no rows. Ingest those days, or take another as_of."
        )
    return test


def day_numbers(rows: pa.Table, interval: Interval) -> npt.NDArray[np.int64]:
    """Whole days from the start of the interval to each row."""
    since = pc.subtract(rows[EVENT_TIME], pa.scalar(interval.start, type=TIMESTAMP))
    microseconds: npt.NDArray[np.int64] = since.cast(pa.int64()).to_numpy()
    return microseconds // (DAY // timedelta(microseconds=1))


def _is_detected(
    rows: pa.Table, test: pa.Table, fold: Fold, policy: TrainingPolicy
) -> npt.NDArray[np.bool_]:
    entity = str(policy.exclude_detected)
    window = policy.exclude_window or policy.train_window
    past = within(rows, Interval(start=fold.train.end - window, end=fold.test.start))
    frauds = past.filter(pc.equal(past[LABEL], 1))
    # Day 0 is the first after the train window; its frauds are known on test day 1.
    after = Interval(start=fold.train.end, end=fold.test.start)
    detected = pa.table(
        {entity: frauds[entity], "since": np.maximum(day_numbers(frauds, after) + 1, 0)}
    )
    first = detected.group_by(entity).aggregate([("since", "min")])
    position = pc.index_in(test[entity], value_set=first[entity].combine_chunks())
    since = first["since_min"].take(position.combine_chunks()).fill_null(np.iinfo(np.int64).max)
    flags: npt.NDArray[np.bool_] = since.to_numpy() <= day_numbers(test, fold.test)
    return flags
