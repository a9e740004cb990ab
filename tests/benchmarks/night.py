"""`python -m tests.benchmarks.night`: what a night costs beside a history of any length.

50,000 rows a day in daily files; a first load, then one more day, each step as a process.
"""

import argparse
import csv
import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from matplotlib.figure import Figure

from tests.benchmarks.features import MIB_PER_GIB
from tests.benchmarks.machine import write_machine
from tests.benchmarks.measure import measure
from tests.benchmarks.options import make_parser
from tests.benchmarks.workshop import environment, open_scratch

ROWS_A_DAY = 50_000
HISTORIES = (40, 200, 2000)
LAST = date(2025, 6, 30)
STEPS = ("ingest", "validate", "build-features", "build-training-set")
NIGHTS = ("first load", "next night")
FIELDS = ("days", "rows", "night", "step", "outcome", "seconds", "peak_mib", "measured_on")
CUSTOMERS, TERMINALS = 200_000, 10_000
SPEC = """
[source]
path = "{source}"
[source.roles]
transaction_id = "id"
event_time = "at"
amount = "amount"
[source.entities]
customer_id = "customer"
terminal_id = "terminal"
[source.attributes]
channel = {{ column = "channel", kind = "categorical" }}
country = {{ column = "country", kind = "categorical" }}
[labels]
column = "fraud"
delay = "7d"
maturity = "7d"
[[features.windows]]
entity = "customer_id"
aggregates = ["count"]
windows = ["1d", "7d"]
[[features.windows]]
entity = "customer_id"
measure = "amount"
aggregates = ["mean"]
windows = ["7d"]
[[features.windows]]
entity = "terminal_id"
aggregates = ["count"]
windows = ["1d", "7d"]
[[features.windows]]
entity = "terminal_id"
measure = "is_fraud"
aggregates = ["count"]
windows = ["7d"]
[training]
train_window = "14d"
gap = "7d"
test_window = "7d"
folds = 1
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """What was measured of one step."""

    days: int
    rows: int
    night: str
    step: str
    outcome: str
    seconds: str
    peak_mib: str
    measured_on: str


def main() -> int:
    options = read_options()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    scratch = open_scratch(options.scratch)
    lines: list[Line] = []
    for days in options.days:
        with tempfile.TemporaryDirectory(dir=scratch, prefix="run-") as name:
            lines += measure_nights(days, Path(name), scratch, options)
        write_results(options.results, lines)
    write_machine(options.results / "machine.json", measured_on=options.date)
    return 0 if all(line.outcome == "ok" for line in lines) else 1


def measure_nights(
    days: int, folder: Path, scratch: Path, options: argparse.Namespace
) -> Iterator[Line]:
    """Measure a first load of some days and a night that brings one more."""
    source = folder / "source"
    source.mkdir()
    every = [LAST - timedelta(days=back) for back in reversed(range(days + 1))]
    spec = folder / "night.toml"
    spec.write_text(SPEC.format(source=source))
    for night, new in zip(NIGHTS, (every[:-1], every[-1:]), strict=True):
        for day in new:
            # With its times: a file written just now is hashed once more by the next night.
            shutil.copy2(ensure_day(scratch / "night", day), source)
        as_of = (new[-1] + timedelta(days=1)).isoformat()
        for step in STEPS:
            run = measure(
                [Path(sys.executable).with_name("overnight"), step, str(spec), "--as-of", as_of],
                environment=environment(
                    scratch, OVERNIGHT_HOME=str(folder / "home"), TMPDIR=str(folder)
                ),
                output=folder / "output.txt",
                timeout_seconds=options.timeout,
                memory_limit_mib=options.memory_limit * MIB_PER_GIB,
            )
            log.info("%d days, %s, %s: %s in %.1f s, %.0f MiB %s", days, night, step, run.outcome,
                     run.seconds, run.peak_mib, run.reason)  # fmt: skip
            yield Line(
                days, days * ROWS_A_DAY, night, step, run.outcome, f"{run.seconds:.2f}",
                f"{run.peak_mib:.0f}", options.date,
            )  # fmt: skip
            if run.outcome != "ok":
                return


def ensure_day(folder: Path, day: date) -> Path:
    """Write the file of a day unless it is there: 8 columns, rows in order of time."""
    path = folder / f"{day}.parquet"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    number = day.toordinal()
    chance, count = np.random.default_rng(number), ROWS_A_DAY
    start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
    times = start + np.sort(chance.integers(0, 86_400_000_000, count))
    columns = {
        "id": pa.array(number * count + np.arange(count)),
        "at": pa.array(times, pa.timestamp("us", tz="UTC")),
        "amount": pa.array(np.round(chance.gamma(2, 25, count) + 0.01, 2)),
        "customer": pa.array(chance.integers(0, CUSTOMERS, count)),
        "terminal": pa.array(chance.integers(0, TERMINALS, count)),
        "channel": pa.array(chance.choice(["pos", "web", "app"], count)),
        "country": pa.array(chance.choice(["de", "fr", "nl", "it"], count)),
        "fraud": pa.array((chance.random(count) < 0.005).astype(np.int8)),
    }
    aside = path.with_suffix(".partial")
    pq.write_table(pa.table(columns), aside, compression="zstd")
    aside.replace(path)
    return path


def write_results(folder: Path, lines: Sequence[Line]) -> None:
    """Write the table and the plot."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "night.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FIELDS)
        writer.writerows(astuple(line) for line in lines)
    write_plot(folder / "night.png", lines)


def write_plot(path: Path, lines: Sequence[Line]) -> None:
    """Draw seconds and peak memory of each step of the next night over the history's rows."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    seconds, memory = figure.subplots(1, 2, sharex=True)
    for step in STEPS:
        own = [n for n in lines if n.step == step and n.night == NIGHTS[1]]
        rows = [line.rows for line in own]
        seconds.plot(rows, [float(line.seconds) for line in own], marker="o", label=step)
        memory.plot(rows, [float(line.peak_mib) for line in own], marker="o")
    for panel, title in ((seconds, "seconds"), (memory, "peak memory, MiB")):
        panel.set_xscale("log")
        panel.set_ylim(bottom=0)
        panel.set_xlabel("rows of history")
        panel.set_title(title)
        panel.grid(visible=True, color="#dddddd", linewidth=0.6)
    seconds.legend()
    figure.suptitle(f"One more day of {ROWS_A_DAY:,} rows, step by step")
    figure.savefig(path, format="png", dpi=150)


def read_options() -> argparse.Namespace:
    parser = make_parser("tests.benchmarks.night", timeout=3600)
    parser.add_argument("--days", nargs="+", type=int, default=HISTORIES, help="of history")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
