"""Polars: rolling expressions over each entity.

Of `rolling().over()`, `rolling_sum_by().over()`, `group_by().agg()` and `DataFrame.rolling`, the
first took the least time at 200,000 rows, and `collect` less than the streaming engine.
"""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from expectations.contract import AMOUNT, EVENT_TIME, TRANSACTION_ID
from tests.benchmarks.contenders import THREADS
from tests.benchmarks.contenders.columns import count_name, sum_name
from tests.benchmarks.data import ENTITIES


def run(source: Path, target: Path, *, windows: Sequence[timedelta]) -> None:
    os.environ["POLARS_MAX_THREADS"] = str(THREADS)  # read when polars is imported
    import polars as pl

    columns = []
    for entity in ENTITIES:
        for window in windows:
            for name, value in (
                (count_name(entity, window), pl.len().cast(pl.Int64)),
                (sum_name(entity, window), pl.sum(AMOUNT)),
            ):
                rolled = value.rolling(EVENT_TIME, period=window, closed="right")
                columns.append(rolled.over(entity).alias(name))
    target.mkdir(parents=True)
    rows = pl.scan_parquet(source / "*/*.parquet", hive_partitioning=False)
    built = rows.select(TRANSACTION_ID, EVENT_TIME, *columns).collect()
    built.write_parquet(target / "part-0.parquet", compression="zstd")
