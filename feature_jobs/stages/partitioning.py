"""Division of the work: partitions, skewed keys, slices of time, buckets of days.

Nothing here changes a result; it only says where each is computed.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession

from expectations.contract import EVENT_TIME
from feature_jobs.declaration import MICROSECOND, FeatureGroup
from feature_jobs.io import read_columns
from feature_jobs.stages.skew import Split, find_splits
from feature_jobs.stages.write import Day

ROWS_PER_TASK = 500_000
ROWS_PER_PARTITION = 400_000
ROWS_PER_BUCKET = 250_000
SAMPLED_ROWS = 500_000
LEAST_ROWS_PER_TASK = 50_000
DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def start_of(day: str) -> int:
    """Return the first microsecond of a day, UTC."""
    return (datetime.fromisoformat(day).replace(tzinfo=UTC) - _EPOCH) // MICROSECOND


def count_partitions(session: SparkSession, rows: int) -> int:
    """Count the partitions of each group: one for every core, more where rows are too many."""
    cores = int(session.sparkContext.defaultParallelism)
    return cores * -(-rows // (ROWS_PER_PARTITION * cores))


def sample_splits(
    days: Sequence[Day],
    groups: Sequence[FeatureGroup],
    *,
    partitions: int,
    rows_per_task: int | None = None,
) -> list[Split]:
    """Find skewed keys in the keys of days drawn at random, before anything is shuffled.

    Args:
        days: with how many rows each has.
        groups: whose keys are looked at.
        partitions: how many partitions each group has.
        rows_per_task: rows that one task should hold; None: the mean of the partitions, but no
            fewer than make a split worth it.
    """
    days = [day for day in days if day.files]  # a day of later versions only may have none
    rows = sum(day.rows for day in days)
    rows_per_task = rows_per_task or max(rows // partitions, LEAST_ROWS_PER_TASK)
    keys = dict.fromkeys(key for group in groups if group.windows for key in group.keys)
    if rows <= rows_per_task or not keys:
        return []
    count = min(len(days), max(1, -(-SAMPLED_ROWS * len(days) // rows)))
    drawn = np.random.default_rng(0).choice(len(days), size=count, replace=False)
    files = [file for at in sorted(drawn) for file in days[at].files]
    sample = pa.concat_tables([read_columns(file, [EVENT_TIME, *keys]) for file in files])
    end = max(start_of(day.day) for day in days) + DAY
    return find_splits(sample, groups, rows=rows, rows_per_task=rows_per_task, end=end)


def time_borders(
    days: Sequence[Day], groups: Sequence[FeatureGroup], *, partitions: int
) -> list[int]:
    """Divide links in time: slices of similar size, none shorter than the longest window.

    A slice also reads the rows of one window before it, so it holds at most about twice the mean.
    """
    lookback = max((group.lookback // MICROSECOND for group in groups if group.links), default=0)
    ordered = sorted((day for day in days if day.is_wanted), key=lambda day: day.day)
    rows_per_task = max(sum(day.rows for day in ordered) // partitions, 1)
    borders: list[int] = []
    start, held = start_of(ordered[0].day), 0
    for day in ordered:
        at = start_of(day.day)
        if held >= rows_per_task and at - start >= lookback and len(borders) < partitions - 1:
            borders.append(at)
            start, held = at, 0
        held += day.rows
    return borders


def tasks(session: SparkSession, days: Sequence[Day]) -> list[list[Day]]:
    """Group all days with their neighbours, one group for each task of the map stage."""
    return _group(session, days, ROWS_PER_TASK)


def buckets(session: SparkSession, days: Sequence[Day]) -> list[list[Day]]:
    """Group the wanted days with their neighbours, one for each partition of the write stage."""
    return _group(session, [day for day in days if day.is_wanted], ROWS_PER_BUCKET)


def _group(session: SparkSession, days: Sequence[Day], size: int) -> list[list[Day]]:
    """Group neighbouring days, similar in rows, and the same number of groups for each core."""
    ordered = sorted(days, key=lambda day: day.day)
    rows = np.cumsum([day.rows for day in ordered])
    cores = session.sparkContext.defaultParallelism
    rounds = -(-int(rows[-1]) // (size * cores))
    count = min(len(ordered), cores * rounds)
    numbers = np.minimum((rows - 1) * count // max(int(rows[-1]), 1), count - 1)
    found: dict[int, list[Day]] = {}
    for day, number in zip(ordered, numbers, strict=True):
        found.setdefault(int(number), []).append(day)
    return list(found.values())
