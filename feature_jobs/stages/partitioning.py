"""How the work is divided: places for histories, hot keys, slices of time, buckets of days.

Nothing here changes a result; it only says where each is computed.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession

from expectations.contract import EVENT_TIME
from feature_jobs.declaration import MICROSECOND, Unit
from feature_jobs.io import read_columns
from feature_jobs.stages.skew import Cut, find_cuts
from feature_jobs.stages.write import Day

ROWS_PER_TASK = 500_000
ROWS_PER_PLACE = 400_000
ROWS_PER_BUCKET = 250_000
SAMPLED_ROWS = 500_000
LEAST_SHARE = 50_000
DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def start_of(day: str) -> int:
    """The first microsecond of a day, UTC."""
    return (datetime.fromisoformat(day).replace(tzinfo=UTC) - _EPOCH) // MICROSECOND


def count_places(session: SparkSession, rows: int) -> int:
    """Places for each unit: enough for every core, and none with too many rows."""
    cores = int(session.sparkContext.defaultParallelism)
    return cores * -(-rows // (ROWS_PER_PLACE * cores))


def sample_cuts(
    days: Sequence[Day],
    units: Sequence[Unit],
    *,
    places: int,
    share: int | None = None,
) -> list[Cut]:
    """Hot keys, found in the keys of days drawn at random before anything is shuffled.

    Args:
        days: with how many rows each has.
        units: whose keys are looked at.
        places: how many places each unit has.
        share: rows that one task should hold; None: an equal share, or so few that a cut is not
            worth it.
    """
    rows = sum(day.rows for day in days)
    share = share or max(rows // places, LEAST_SHARE)
    keys = dict.fromkeys(key for unit in units if unit.windows for key in unit.keys)
    if rows <= share or not keys:
        return []
    count = min(len(days), max(1, -(-SAMPLED_ROWS * len(days) // rows)))
    drawn = np.random.default_rng(0).choice(len(days), size=count, replace=False)
    files = [file for at in sorted(drawn) for file in days[at].files]
    sample = pa.concat_tables([read_columns(file, [EVENT_TIME, *keys]) for file in files])
    end = max(start_of(day.day) for day in days) + DAY
    return find_cuts(sample, units, rows=rows, share=share, end=end)


def time_borders(days: Sequence[Day], units: Sequence[Unit], *, places: int) -> list[int]:
    """Where links are cut: slices of like many rows, none shorter than the longest window.

    A slice reads one window's rows before it, so it computes and holds at most about twice its
    share.
    """
    lookback = max((unit.lookback // MICROSECOND for unit in units if unit.links), default=0)
    ordered = sorted((day for day in days if day.is_wanted), key=lambda day: day.day)
    share = max(sum(day.rows for day in ordered) // places, 1)
    borders: list[int] = []
    start, held = start_of(ordered[0].day), 0
    for day in ordered:
        at = start_of(day.day)
        if held >= share and at - start >= lookback and len(borders) < places - 1:
            borders.append(at)
            start, held = at, 0
        held += day.rows
    return borders


def tasks(session: SparkSession, days: Sequence[Day]) -> list[list[Day]]:
    """All days in groups of neighbours, one for each task of the first stage."""
    return _group(session, days, ROWS_PER_TASK)


def buckets(session: SparkSession, days: Sequence[Day]) -> list[list[Day]]:
    """Wanted days in groups of neighbours, one for each place of the last stage."""
    return _group(session, [day for day in days if day.is_wanted], ROWS_PER_BUCKET)


def _group(session: SparkSession, days: Sequence[Day], size: int) -> list[list[Day]]:
    """Groups of neighbouring days, of about as many rows each and as many for each core."""
    ordered = sorted(days, key=lambda day: day.day)
    rows = np.cumsum([day.rows for day in ordered])
    cores = session.sparkContext.defaultParallelism
    rounds = -(-int(rows[-1]) // (size * cores))
    count = min(len(ordered), cores * rounds)
    shares = np.minimum((rows - 1) * count // max(int(rows[-1]), 1), count - 1)
    found: dict[int, list[Day]] = {}
    for day, share in zip(ordered, shares, strict=True):
        found.setdefault(int(share), []).append(day)
    return list(found.values())
