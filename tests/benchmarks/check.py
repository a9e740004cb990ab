"""The cross-check before anything is timed: each contender's output must equal the kernel's."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from expectations.contract import EVENT_TIME, TRANSACTION_ID
from tests.benchmarks.contenders.columns import count_name, sum_name
from tests.benchmarks.data import ENTITIES

ROWS = 50_000
TIMEOUT_SECONDS = 300.0
RELATIVE, ABSOLUTE = 1e-9, 1e-6


def read_output(target: Path, windows: Sequence[timedelta]) -> pa.Table:
    """What a contender wrote, by transaction id; its other columns are left out."""
    features = [
        name(entity, window)
        for entity in ENTITIES
        for window in windows
        for name in (count_name, sum_name)
    ]
    written = ds.dataset(target, format="parquet", partitioning=None)
    return written.to_table(columns=[TRANSACTION_ID, EVENT_TIME, *features]).sort_by(TRANSACTION_ID)


def describe_difference(found: pa.Table, expected: pa.Table) -> str:
    """The first difference and how many columns have one; empty when there is none."""
    differences = find_differences(found, expected)
    if not differences:
        return ""
    return f"{differences[0]} ({len(differences)} of {expected.num_columns} columns differ)"


def find_differences(found: pa.Table, expected: pa.Table) -> list[str]:
    """What differs: ids, times and counts exactly, sums beyond 1e-9 of the value plus 1e-6."""
    if found.num_rows != expected.num_rows:
        return [f"{found.num_rows:,} rows instead of {expected.num_rows:,}"]
    differences = []
    for name in expected.column_names:
        got, wanted = _numbers(found[name]), _numbers(expected[name])
        is_sum = wanted.dtype.kind == "f"
        if not is_sum and got.dtype.kind != "i":
            differences.append(f"{name} is {found.schema.field(name).type}, not a whole number")
            continue
        same = np.isclose(got, wanted, RELATIVE, ABSOLUTE) if is_sum else got == wanted
        if not same.all():
            row = int(np.argmin(same))
            differences.append(
                f"{name} differs in {np.count_nonzero(~same):,} rows; in the first, "
                f"{TRANSACTION_ID} {expected[TRANSACTION_ID][row]}: {got[row]} != {wanted[row]}"
            )
    return differences


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return column.to_numpy()
