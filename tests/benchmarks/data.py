"""Generated transactions: one Parquet file per event day, as the lake keeps them.

Every size spans the same 365 days, so density grows with rows. Event times are distinct to the
microsecond: a RANGE frame holds later rows of the same time and the engine's window does not, and
what is to be timed here must agree.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from expectations.contract import AMOUNT, EVENT_DAY, EVENT_TIME, KNOWN_TIME, TRANSACTION_ID

CUSTOMER, TERMINAL = "customer_id", "terminal_id"
ENTITIES = (CUSTOMER, TERMINAL)
FIRST_DAY = np.datetime64("2025-01-01", "D")
DAYS = 365
ROWS_A_CUSTOMER, ROWS_A_TERMINAL = 200, 100
HOT_SHARE = 0.25
SEED = 20250101

Int64s = npt.NDArray[np.int64]
_DAY = 86_400_000_000
_UTC = pa.timestamp("us", tz="UTC")


def _uniform(rows: int, keys: int, random: np.random.Generator) -> Int64s:
    return random.integers(keys, size=rows)


def _zipf(rows: int, keys: int, random: np.random.Generator) -> Int64s:
    """Keys of which the k-th most frequent has a share proportional to 1/k."""
    shares = np.cumsum(1.0 / np.arange(1, keys + 1))
    ranks = np.searchsorted(shares, random.random(rows) * shares[-1], side="right")
    return random.permutation(keys)[ranks]


def _hot(rows: int, keys: int, random: np.random.Generator) -> Int64s:
    """Key 0 with a quarter of all rows; Zipf over the others."""
    others = 1 + _zipf(rows, keys - 1, random)
    return np.where(random.random(rows) < HOT_SHARE, 0, others)


Draw = Callable[[int, int, np.random.Generator], Int64s]
# What draws the customers and what draws the terminals.
DISTRIBUTIONS: dict[str, tuple[Draw, Draw]] = {
    "uniform": (_uniform, _uniform),
    "hot": (_zipf, _hot),
}


def ensure_transactions(scratch: Path, *, distribution: str, rows: int) -> Path:
    """The folder of generated files; made when it is not there."""
    folder = scratch / f"{distribution}-{rows}"
    recipe = json.dumps({"seed": SEED, "days": DAYS, "hot_share": HOT_SHARE, "layout": 1})
    mark = folder / "_recipe.json"  # readers of a folder leave out what begins with _
    if mark.is_file() and mark.read_text() == recipe:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    aside = folder.with_suffix(".partial")
    shutil.rmtree(aside, ignore_errors=True)
    _write_days(make_transactions(distribution, rows), aside)
    (aside / mark.name).write_text(recipe)
    aside.rename(folder)
    return folder


def make_transactions(distribution: str, rows: int) -> pa.Table:
    """Rows in the total order (event time, transaction id)."""
    draw_customers, draw_terminals = DISTRIBUTIONS[distribution]
    random = np.random.default_rng([SEED, rows])
    first = FIRST_DAY.astype("datetime64[us]").astype(np.int64)
    times = pa.array(first + _distinct_offsets(rows, random)).cast(_UTC)
    customers = draw_customers(rows, max(rows // ROWS_A_CUSTOMER, 2), random)
    terminals = draw_terminals(rows, max(rows // ROWS_A_TERMINAL, 2), random)
    amounts = np.round(random.lognormal(3.5, 1.0, rows), 2)
    return pa.table(
        {
            TRANSACTION_ID: np.arange(rows),
            EVENT_TIME: times,
            KNOWN_TIME: times,
            CUSTOMER: customers,
            TERMINAL: terminals,
            AMOUNT: amounts,
        }
    )


def _distinct_offsets(rows: int, random: np.random.Generator) -> Int64s:
    """Sorted distinct microseconds within the year."""
    offsets = np.empty(0, dtype=np.int64)
    while len(offsets) < rows:
        drawn = random.integers(DAYS * _DAY, size=rows - len(offsets))
        offsets = np.unique(np.concatenate([offsets, drawn]))
    return offsets


def split_days(event_times: pa.ChunkedArray) -> list[tuple[str, int, int]]:
    """Day, first row and end of each event day of times that do not fall."""
    days = event_times.cast(pa.int64()).to_numpy() // _DAY
    starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    ends = [*starts[1:], len(days)]
    return [
        (str(days[start].astype("datetime64[D]")), int(start), int(end))
        for start, end in zip(starts, ends, strict=True)
    ]


def _write_days(rows: pa.Table, folder: Path) -> None:
    for day, start, end in split_days(rows[EVENT_TIME]):
        part = folder / f"{EVENT_DAY}={day}" / "part-0.parquet"
        part.parent.mkdir(parents=True)
        pq.write_table(rows.slice(start, end - start), part, compression="zstd")
