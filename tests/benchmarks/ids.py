"""`python -m tests.benchmarks.ids`: the index of transaction ids, over days of 50,000 ids."""

import argparse
import csv
import json
import logging
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipelines.ingestion.index.id_index import EPOCH, IdIndex
from pipelines.ingestion.index.repeated_ids import DeliveredIds
from pipelines.lake.day_files import write_rows
from pipelines.lake.tables import Lake
from tests.benchmarks.features import MIB_PER_GIB
from tests.benchmarks.machine import write_machine
from tests.benchmarks.measure import measure
from tests.benchmarks.options import make_parser
from tests.benchmarks.workshop import environment, open_scratch

A_DAY = 50_000
FIRST = date(2019, 1, 1)
TABLE = "transactions"
KINDS = ("integers", "uuids")
STEPS = ("table", "build", "lookup", "repeated")
FIELDS = ("ids", "kind", "step", "outcome", "seconds", "peak_mib", "size_mb", "measured_on")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """What was measured of one step.

    Attributes:
        seconds: of the step alone, without imports; of the last of three lookups.
        size_mb: of what the step left on disk.
    """

    ids: int
    kind: str
    step: str
    outcome: str
    seconds: str
    peak_mib: str
    size_mb: str
    measured_on: str


def main() -> int:
    options = read_options()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    if options.step:
        run_step(options)
        return 0
    scratch = open_scratch(options.scratch)
    lines = [measure_step(options, scratch, kind, step) for kind in KINDS for step in STEPS]
    write_machine(options.results / "machine.json", measured_on=options.date)
    with (options.results / "ids.csv").open("w", newline="") as sink:
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(FIELDS)
        writer.writerows(astuple(line) for line in lines)
    return 0 if {line.outcome for line in lines} == {"ok"} else 1


def read_options() -> argparse.Namespace:
    parser = make_parser("tests.benchmarks.ids", timeout=900)
    parser.add_argument("--days", type=int, default=2_000)
    parser.add_argument("--step", choices=STEPS, help="one step in this process")
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0])
    return parser.parse_args()


def measure_step(options: argparse.Namespace, scratch: Path, kind: str, step: str) -> Line:
    """Run one step as a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.ids", "--step", step, "--kind", kind]
    output = scratch / f"ids-{kind}-{step}.txt"
    run = measure(
        [*command, "--days", str(options.days), "--scratch", str(scratch)],
        environment=environment(scratch),
        output=output,
        timeout_seconds=options.timeout,
        memory_limit_mib=options.memory_limit * MIB_PER_GIB,
    )
    found = json.loads(output.read_text().splitlines()[-1]) if run.outcome == "ok" else {}
    line = Line(
        options.days * A_DAY, kind, step, run.outcome, found.get("seconds", ""),
        f"{run.peak_mib:.0f}", found.get("size_mb", ""), options.date,
    )  # fmt: skip
    log.info("%s %s: %s in %s s, %s MiB", kind, step, run.outcome, line.seconds, line.peak_mib)
    return line


def run_step(options: argparse.Namespace) -> None:
    """Run a step; the last line of the output is what it took."""
    lake = Lake(str(options.scratch / "ids" / options.kind), spec="bench")
    folder = Path(lake.folder(TABLE)) if options.step == "table" else None
    steps: dict[str, Callable[[Lake, str, int], float]] = {
        "table": write_table, "build": build, "lookup": look_up, "repeated": find_repeated
    }  # fmt: skip
    seconds = steps[options.step](lake, options.kind, options.days)
    folder = folder or Path(lake.folder(TABLE)) / "_ids"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    found = {"seconds": f"{seconds:.3f}", "size_mb": f"{size / 1e6:.1f}"}
    sys.stdout.write(json.dumps(found) + "\n")


def write_table(lake: Lake, kind: str, days: int) -> float:
    shutil.rmtree(lake.folder(TABLE), ignore_errors=True)
    began, parts, schema = time.perf_counter(), [], pa.schema([])
    for number in range(days):
        day = str(FIRST + timedelta(days=number))
        rows = pa.table({"transaction_id": ids_of(kind, number), "event_day": [day] * A_DAY})
        parts.append(write_rows(lake.folder(TABLE), day, rows))
        schema = rows.schema
    lake.commit(TABLE, parts, schema=schema, days=None, fingerprint="bench")
    return time.perf_counter() - began


def build(lake: Lake, _: str, days: int) -> float:
    shutil.rmtree(Path(lake.folder(TABLE)) / "_ids", ignore_errors=True)
    began = time.perf_counter()
    index = IdIndex.open(lake)
    assert sum(run.entries for run in index.runs) == days * A_DAY
    return time.perf_counter() - began


def look_up(lake: Lake, kind: str, days: int) -> float:
    """Look up the ids of a night: all new but the last 1,000."""
    new = ids_of(kind, days).slice(1_000)
    filed = [ids_of(kind, number).slice(0, 500) for number in (0, days - 1)]
    ids, seconds = pa.concat_arrays([new, *filed]), 0.0
    for _ in range(3):
        began = time.perf_counter()
        hits = IdIndex.open(lake).find_days(ids)
        seconds = time.perf_counter() - began
        assert hits.positions.tolist() == list(range(len(new), len(ids)))
    return seconds


def find_repeated(lake: Lake, kind: str, days: int) -> float:
    """Find repeated ids of the whole history as one delivery, beside the index of the same."""
    index, began = IdIndex.open(lake), time.perf_counter()
    first = FIRST.toordinal() - EPOCH
    with DeliveredIds() as delivered:
        for number in range(days):
            delivered.add(ids_of(kind, number), np.full(A_DAY, first + number, np.int32))
        delivered.add(ids_of(kind, 0).slice(0, 7), np.full(7, first + 1, np.int32))
        assert len(delivered.find_repeated(index)) == 7
    return time.perf_counter() - began


def ids_of(kind: str, number: int) -> pa.Array:
    """Return the ids of a day."""
    if kind == "integers":
        return pa.array(np.arange(number * A_DAY, (number + 1) * A_DAY), pa.int64())
    digits = np.frombuffer(np.random.default_rng(number).bytes(16 * A_DAY).hex().encode(), np.uint8)
    texts = np.full((A_DAY, 36), ord("-"), np.uint8)
    texts[:, [n for n in range(36) if n not in (8, 13, 18, 23)]] = digits.reshape(A_DAY, 32)
    ends = pa.array(np.arange(0, 36 * (A_DAY + 1), 36), pa.int32()).buffers()[1]
    return pa.StringArray.from_buffers(A_DAY, ends, pa.py_buffer(texts.tobytes()))


if __name__ == "__main__":
    sys.exit(main())
