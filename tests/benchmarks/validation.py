"""`python -m tests.benchmarks.validation`: the gate against Great Expectations as it comes."""

import argparse
import csv
import logging
import sys
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from expectations.contract import EVENT_DAY, EVENT_TIME, KNOWN_TIME, TRANSACTION_ID
from tests.benchmarks.features import MIB_PER_GIB
from tests.benchmarks.gates import NUMBERS, TEXT, WAYS
from tests.benchmarks.machine import write_machine
from tests.benchmarks.measure import measure
from tests.benchmarks.options import make_parser
from tests.benchmarks.workshop import environment, open_scratch

DAYS = 60
FIRST = date(2025, 1, 1)
SEED = 11
FIELDS = (
    "rows",
    "columns",
    "way",
    "outcome",
    "seconds",
    "ratio",
    "peak_mib",
    "runs",
    "measured_on",
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """What was measured of one way; `ratio` is its time to that of `profile`."""

    rows: int
    columns: int
    way: str
    outcome: str
    seconds: str
    ratio: str
    peak_mib: str
    runs: int
    measured_on: str


def main() -> int:
    options = read_options()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    scratch = open_scratch(options.scratch)
    source = ensure_rows(scratch, options.rows)
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    outcomes, peaks = dict.fromkeys(WAYS, "ok"), dict.fromkeys(WAYS, 0.0)
    for _ in range(options.runs):
        for way in WAYS:
            if outcomes[way] != "ok":
                continue
            run = measure(
                [sys.executable, "-m", "tests.benchmarks.gates", way, str(source)],
                environment=environment(scratch),
                output=scratch / f"{way}.txt",
                timeout_seconds=options.timeout,
                memory_limit_mib=options.memory_limit * MIB_PER_GIB,
            )
            log.info("%s: %s in %.2f s, %.0f MiB %s", way, run.outcome, run.seconds, run.peak_mib,
                     run.reason)  # fmt: skip
            outcomes[way], peaks[way] = run.outcome, max(peaks[way], run.peak_mib)
            times[way].append(run.seconds)
    ours = median(times["profile"])
    lines = [
        Line(options.rows, len(NUMBERS) + 4, way, outcomes[way], f"{median(times[way]):.2f}",
             f"{median(times[way]) / ours:.2f}", f"{peaks[way]:.0f}", len(times[way]), options.date)
        for way in WAYS
    ]  # fmt: skip
    write_machine(options.results / "machine.json", measured_on=options.date)
    with (options.results / "validation.csv").open("w", newline="") as sink:
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(FIELDS)
        writer.writerows(astuple(line) for line in lines)
    for line in lines:
        sys.stdout.write(f"{line.way:10} {line.outcome} {line.seconds} s, {line.ratio} x\n")
    return 0 if set(outcomes.values()) == {"ok"} else 1


def read_options() -> argparse.Namespace:
    parser = make_parser("tests.benchmarks.validation", timeout=300)
    add = parser.add_argument
    add("--rows", type=int, default=2_000_000)
    add("--runs", type=int, default=3)
    return parser.parse_args()


def ensure_rows(scratch: Path, rows: int) -> Path:
    """Sixty columns of sixty days, a Parquet file each; made when they are not there."""
    folder = scratch / f"gates-{rows}"
    if (folder / "_done").is_file():
        return folder
    each = rows // DAYS
    for number in range(DAYS):
        random = np.random.default_rng([SEED, number])
        start = np.datetime64(FIRST + timedelta(days=number), "us").astype(np.int64)
        times = np.sort(random.integers(86_400_000_000, size=each)) + start
        moment = pa.array(times).cast(pa.timestamp("us", tz="UTC"))
        columns: dict[str, object] = {
            TRANSACTION_ID: np.arange(number * each, (number + 1) * each),
            EVENT_TIME: moment,
            KNOWN_TIME: moment,
            TEXT: pa.array(random.choice(["app", "pos", "web"], each)),
        }
        columns |= {name: random.normal(size=each) for name in NUMBERS}
        part = folder / f"{EVENT_DAY}={FIRST + timedelta(days=number)}" / "part-0.parquet"
        part.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), part, compression="zstd")
    (folder / "_done").write_text("")
    return folder


if __name__ == "__main__":
    sys.exit(main())
