"""Writes simulated traffic as the two files that a bank would deliver: transactions and reports."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.simulation.fraud import add_frauds
from pipelines.simulation.population import CHANNELS, build_population
from pipelines.simulation.traffic import DAY_SECONDS, Traffic, build_honest_traffic

TIMESTAMP = pa.timestamp("us", tz="UTC")
NEVER_REPORTED, ARRIVES_LATE = 0.02, 0.01


@dataclass(frozen=True, slots=True)
class Simulated:
    """The paths of the files, and the number of their rows."""

    transactions: Path
    reports: Path
    rows: int
    frauds: int
    reported: int


def simulate_files(
    folder: Path, *, start: datetime, days: int, customers: int, seed: int
) -> Simulated:
    """Simulate `[start, start + days)` and write `transactions.parquet` and `reports.parquet`.

    A transaction arrives seconds after it happened, one in a hundred up to two days later. A fraud
    is reported after a lognormal delay, half of them within 2 days; one in fifty never.
    The same arguments give the same bytes.
    """
    chance = np.random.default_rng(seed)
    population = build_population(chance, customers=customers, terminals=2 * customers, per_day=1.8)
    traffic = build_honest_traffic(chance, population, days=days)
    traffic = add_frauds(chance, traffic, population, days=days)
    traffic = traffic.take((traffic.second >= 0) & (traffic.second < days * DAY_SECONDS))
    traffic = traffic.take(np.argsort(traffic.second, kind="stable"))
    ids = np.arange(1, len(traffic) + 1, dtype=np.int64)
    fraud = traffic.pattern > 0
    reported = fraud & (chance.random(len(traffic)) >= NEVER_REPORTED)
    delay = chance.lognormal(np.log(2.0), 0.6, len(traffic)) * DAY_SECONDS
    folder.mkdir(parents=True, exist_ok=True)
    result = Simulated(
        transactions=folder / "transactions.parquet",
        reports=folder / "reports.parquet",
        rows=len(traffic),
        frauds=int(fraud.sum()),
        reported=int(reported.sum()),
    )
    _publish(_transactions(chance, traffic, ids, start), result.transactions)
    reports = pa.table(
        {
            "tx_id": ids[reported],
            "reported_at": _times(traffic.second[reported] + delay[reported], start),
        }
    )
    _publish(reports, result.reports)
    return result


def _transactions(
    chance: np.random.Generator, traffic: Traffic, ids: np.ndarray, start: datetime
) -> pa.Table:
    late = chance.random(len(traffic)) < ARRIVES_LATE
    lag = np.where(late, chance.uniform(3600, 2 * DAY_SECONDS, len(traffic)), 2.0)
    channels = pa.DictionaryArray.from_arrays(pa.array(traffic.channel), pa.array(CHANNELS))
    return pa.table(
        {
            "tx_id": ids,
            "tx_time": _times(traffic.second, start),
            "arrived_at": _times(traffic.second + lag, start),
            "customer": traffic.customer,
            "terminal": traffic.terminal,
            "device": traffic.device,
            "channel": channels.cast(pa.string()),
            "amount": np.round(traffic.amount, 2),
        }
    )


def _times(second: np.ndarray, start: datetime) -> pa.Array:
    offset = int(start.timestamp()) * 1_000_000
    return pa.array(offset + np.round(second * 1e6).astype(np.int64)).cast(TIMESTAMP)


def _publish(table: pa.Table, path: Path) -> None:
    """Write aside and rename if the bytes differ, so that an equal delivery keeps its time."""
    aside = path.with_suffix(".part")
    pq.write_table(table, aside, compression="zstd")
    if path.is_file() and path.read_bytes() == aside.read_bytes():
        aside.unlink()
    else:
        aside.replace(path)
