"""`python -m tests.benchmarks.handbook`: every feature of the spec `handbook`, end to end.

What is timed is the whole command `overnight build-features`, from its start, Spark's included, on
a lake that holds the transactions and no feature table.
"""

import argparse
import logging
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq

from tests.benchmarks.contenders import ENGINE
from tests.benchmarks.features import MIB_PER_GIB
from tests.benchmarks.machine import write_machine
from tests.benchmarks.measure import Measured, measure
from tests.benchmarks.options import make_parser
from tests.benchmarks.results import HANDBOOK, Cell, merge_results, summarize
from tests.benchmarks.table import describe
from tests.benchmarks.workshop import handbook_environment, open_scratch, require_handbook

AS_OF = "2018-10-08"
SPEC = "handbook"
OVERNIGHT = Path(sys.executable).with_name("overnight")

log = logging.getLogger(__name__)


def main() -> int:
    options = read_options()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    scratch = open_scratch(options.scratch)
    rows = pq.read_metadata(require_handbook()).num_rows
    home = scratch / f"handbook-{rows}"  # another file gets another lake
    variables = handbook_environment(scratch, home=home)
    if not (home / "lake" / SPEC / "labels" / "_delta_log").is_dir():
        ingest(variables)
    cell = Cell(HANDBOOK, "published", rows, ENGINE)
    runs: list[Measured] = []
    for _ in range(options.runs):
        runs.append(build(home, variables, options))
        log.info("%s in %.2f s, %.0f MiB", runs[-1].outcome, runs[-1].seconds, runs[-1].peak_mib)
        if runs[-1].outcome != "ok":
            break
    write_machine(options.results / "machine.json", measured_on=options.date)
    result = summarize(cell, runs, measured_on=options.date)
    merge_results(options.results / "features.csv", [result])
    sys.stdout.write(describe({cell: result}))
    return 0 if result.is_ok else 1


def read_options() -> argparse.Namespace:
    parser = make_parser("tests.benchmarks.handbook", timeout=600)
    add = parser.add_argument
    add("--runs", type=int, default=3)
    return parser.parse_args()


def ingest(variables: Mapping[str, str]) -> None:
    """Bring the published transactions into the lake; not timed."""
    log.info("Ingesting %s", variables["OVERNIGHT_HANDBOOK"])
    subprocess.run([OVERNIGHT, "ingest", SPEC, "--as-of", AS_OF], env=variables, check=True)


def build(home: Path, variables: Mapping[str, str], options: argparse.Namespace) -> Measured:
    """Build the whole feature table from nothing."""
    shutil.rmtree(home / "lake" / SPEC / "features", ignore_errors=True)
    return measure(
        [OVERNIGHT, "build-features", SPEC, "--as-of", AS_OF],
        environment=variables,
        output=home / "output.txt",
        timeout_seconds=options.timeout,
        memory_limit_mib=options.memory_limit * MIB_PER_GIB,
    )


if __name__ == "__main__":
    sys.exit(main())
