"""A second spec, `debit`: what its bank had delivered by a night, and its nights run one by one.

`python -m tests.production.debit FOLDER NIGHTS` runs the first nights of `[2025-01-27, …)` in an
installation of their own, in order, each on the files as they were on that night, and writes what
they gave. It is what a backfill of them is compared with.
"""

import json
import os
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.crashes import bank
from tests.production.given import describe_night

SPEC = "debit"
START, FIRST = date(2025, 1, 1), date.fromisoformat(bank.AS_OF)
# Every fold of every night of the month holds frauds enough to be trained and judged on.
MONTH, CUSTOMERS, SEED = 30, 300, 7
FILES = {"transactions.parquet": "arrived_at", "reports.parquet": "reported_at"}
DELIVERED = f"${{OVERNIGHT_HOME}}/{SPEC}"

# The time that a row takes is the machine's, and so few frauds are no measure of a calibration:
# neither is to decide which nights make a challenger.
SETTINGS = """nightly = "0 2 * * *"
[gate]
resamples = 200
max_latency_ms = 1000
max_calibration_factor = 100
"""


def write_spec(folder: Path) -> None:
    """The spec of the crash tests with a night at two every day."""
    text = f"{bank.declare(DELIVERED)}\n{SETTINGS}"
    (folder / f"{SPEC}.toml").write_text(text, encoding="utf-8")


def name_nights(count: int) -> list[str]:
    """The as-of dates of the first nights, at most a month of them."""
    assert 0 < count <= MONTH
    return [str(FIRST + timedelta(days=number)) for number in range(count)]


def deliver(folder: Path) -> None:
    """Everything that happened until the last night of the month, known since or not."""
    from pipelines.simulation.delivery import simulate_files

    days = (FIRST - START).days + MONTH - 1
    start = datetime.combine(START, datetime.min.time(), tzinfo=UTC)
    simulate_files(folder, start=start, days=days, customers=CUSTOMERS, seed=SEED)


def deliver_until(source: Path, target: Path, as_of: str) -> None:
    """Of what was delivered since, what was known before a night."""
    target.mkdir(parents=True, exist_ok=True)
    night = datetime.fromisoformat(as_of).replace(tzinfo=UTC)
    for name, known in FILES.items():
        rows = pq.read_table(source / name)
        before = pc.less(rows[known], pa.scalar(night, type=rows[known].type))
        pq.write_table(rows.filter(before), target / name)


def main(source: Path, nights: int) -> dict[str, object]:
    """Each night alone; gives night to what it gave."""
    from pipelines.steps.chain import run_nightly

    found: dict[str, object] = {}
    for as_of in name_nights(nights):
        deliver_until(source, Path(os.environ["OVERNIGHT_HOME"]) / SPEC, as_of)
        lines = [line.split() for line in run_nightly(SPEC, as_of)]
        found[as_of] = describe_night(SPEC, as_of, {step: given for step, given, *_ in lines})
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
