"""Rows in the shape of a public file of card payments: no ids, no customers, anonymous columns.

Columns `Time` (seconds since the first payment), `V1` to `V8`, `Amount` and `Class` (1: a fraud).
Frauds lie far out in three of the anonymous columns, on either side, so that trees find most of
them and a logistic regression finds few.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

ANONYMOUS = tuple(f"V{number}" for number in range(1, 9))
SHIFTS = {"V1": 4.0, "V3": 4.0, "V4": 3.0}
REPEATED = 20
EITHER_SIDE = 0.5


def make_cards(
    *, rows: int = 20_000, days: float = 2.0, fraud_share: float = 0.005, seed: int = 5
) -> pa.Table:
    """Make rows in the order of their time; some equal the row before them in every column."""
    drawn = np.random.default_rng(seed)
    times = np.sort(drawn.integers(0, int(days * 86_400), rows)).astype(np.float64)
    frauds = drawn.random(rows) < fraud_share
    columns = {"Time": times}
    for name in ANONYMOUS:
        side = np.where(drawn.random(rows) < EITHER_SIDE, -1.0, 1.0)
        columns[name] = drawn.normal(size=rows) + side * np.where(
            frauds, SHIFTS.get(name, 0.0), 0.0
        )
    columns["Amount"] = np.round(np.exp(drawn.normal(3.0, 1.2, rows)), 2)
    again = np.arange(1, REPEATED + 1) * (rows // (REPEATED + 1))
    for values in (*columns.values(), frauds):
        values[again] = values[again - 1]
    return pa.table({**columns, "Class": frauds.astype(np.int64)})


def write_cards(path: Path, table: pa.Table) -> None:
    """Write rows as the CSV file that such data come as."""
    csv.write_csv(table, path)
