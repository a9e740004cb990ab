"""The limit: what one core needs to read, sort, walk and write the same, with nothing around it.

Shares no code with the engine, so that it may judge the engine's output.
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from expectations.contract import AMOUNT, EVENT_DAY, EVENT_TIME, TRANSACTION_ID
from tests.benchmarks.contenders.columns import READ, count_name, sum_name
from tests.benchmarks.data import ENTITIES, split_days

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def run(source: Path, target: Path, *, windows: Sequence[timedelta]) -> None:
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    rows = read_rows(source)
    times = rows[EVENT_TIME].cast(pa.int64()).to_numpy()
    ids, amounts = rows[TRANSACTION_ID].to_numpy(), rows[AMOUNT].to_numpy()
    if not is_ordered(times, ids):
        raise ValueError(f"{source} is not in the order of event time and id; generate it anew.")
    columns = {TRANSACTION_ID: rows[TRANSACTION_ID], EVENT_TIME: rows[EVENT_TIME]}
    for entity in ENTITIES:
        keys = rows[entity].to_numpy()
        # Stable, and the rows are in the order of (time, id): so this sorts by all three.
        order = np.argsort(keys, kind="stable")
        history = keys[order], times[order], amounts[order]
        for window in windows:
            counts, sums = np.empty(len(order), dtype=np.int64), np.empty(len(order))
            walk(*history, order, window // timedelta(microseconds=1), counts, sums)
            columns[count_name(entity, window)] = pa.array(counts)
            columns[sum_name(entity, window)] = pa.array(sums)
    write_days(pa.table(columns), target)


def read_rows(source: Path) -> pa.Table:
    parts = [
        pq.ParquetFile(path).read(columns=list(READ), use_threads=False)
        for path in sorted(source.glob("*/*.parquet"))
    ]
    return pa.concat_tables(parts).combine_chunks()


def write_days(rows: pa.Table, target: Path) -> None:
    for day, start, end in split_days(rows[EVENT_TIME]):
        part = target / f"{EVENT_DAY}={day}" / "part-0.parquet"
        part.parent.mkdir(parents=True)
        pq.write_table(rows.slice(start, end - start), part, compression="zstd")


@numba.njit(cache=True)
def is_ordered(times: Int64s, ids: Int64s) -> bool:
    for row in range(1, len(times)):
        if times[row - 1] > times[row] or (
            times[row - 1] == times[row] and ids[row - 1] >= ids[row]
        ):
            return False
    return True


@numba.njit(cache=True)
def add(high: float, low: float, value: float) -> tuple[float, float]:
    """Add to a sum and collect what the addition rounds away (Neumaier 1974)."""
    total = high + value
    if abs(high) >= abs(value):
        low += (high - total) + value
    else:
        low += (value - total) + high
    return total, low


@numba.njit(cache=True)
def walk(  # noqa: PLR0917 -- numba takes no keywords
    keys: Int64s,
    times: Int64s,
    amounts: Floats,
    order: Int64s,
    window: int,
    counts: Int64s,
    sums: Floats,
) -> None:
    """Count and sum over `(t - window, t]` of each key, in the place where each row came from.

    Args:
        keys, times, amounts: sorted by key, time and id.
        order: where each sorted row came from.
        window: in microseconds.
        counts, sums: receive the result.
    """
    leaving, high, low = 0, 0.0, 0.0
    for row in range(len(keys)):
        if row > 0 and keys[row] != keys[row - 1]:
            leaving, high, low = row, 0.0, 0.0
        high, low = add(high, low, amounts[row])
        while times[leaving] <= times[row] - window:
            high, low = add(high, low, -amounts[leaving])
            leaving += 1
        counts[order[row]] = row - leaving + 1
        sums[order[row]] = high + low
