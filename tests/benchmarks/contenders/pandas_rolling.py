"""pandas: `groupby().rolling()` over the event time, after a sort by entity and time."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pandas as pd

from expectations.contract import AMOUNT, EVENT_TIME, TRANSACTION_ID
from tests.benchmarks.contenders.columns import READ, count_name, sum_name
from tests.benchmarks.data import ENTITIES


def run(source: Path, target: Path, *, windows: Sequence[timedelta]) -> None:
    rows = pd.read_parquet(source, columns=list(READ), partitioning=None)
    features = [
        name(entity, window)
        for entity in ENTITIES
        for window in windows
        for name in (count_name, sum_name)
    ]
    for entity in ENTITIES:
        # Groups come out in the order of their keys: that of the sorted rows.
        rows = rows.sort_values([entity, EVENT_TIME, TRANSACTION_ID], ignore_index=True)
        by_entity = rows.groupby(entity)
        for window in windows:
            rolling = by_entity.rolling(window, on=EVENT_TIME)[AMOUNT]
            rows[count_name(entity, window)] = rolling.count().to_numpy().astype("int64")
            rows[sum_name(entity, window)] = rolling.sum().to_numpy()
    target.mkdir(parents=True)
    built = rows[[TRANSACTION_ID, EVENT_TIME, *features]]
    built.to_parquet(target / "part-0.parquet", compression="zstd", index=False)
