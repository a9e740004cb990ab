"""`python -m tests.benchmarks.features`: the feature engine against its peers and its limit."""

import argparse
import logging
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
from tqdm import tqdm

from tests.benchmarks import check
from tests.benchmarks.contenders import KERNEL, MODULES
from tests.benchmarks.data import DISTRIBUTIONS
from tests.benchmarks.machine import write_machine
from tests.benchmarks.measure import Measured
from tests.benchmarks.options import make_parser
from tests.benchmarks.plot import write_plot
from tests.benchmarks.results import Cell, Result, merge_results, summarize
from tests.benchmarks.schedule import WINDOWS, Plan, windows_of
from tests.benchmarks.table import describe
from tests.benchmarks.workshop import Workshop, open_scratch

MIB_PER_GIB = 1024

log = logging.getLogger(__name__)


def main() -> int:
    options = read_options()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    workshop = Workshop(
        open_scratch(options.scratch), options.timeout, options.memory_limit * MIB_PER_GIB
    )
    wrong = find_wrong(workshop, options.contenders)
    plan = Plan(
        options.rows, options.distributions, options.contenders, options.runs, options.large_runs
    )
    write_machine(options.results / "machine.json", measured_on=options.date)
    table = options.results / "features.csv"
    results = merge_results(table, [])
    for result in run_plan(workshop, plan, wrong=wrong, measured_on=options.date):
        results = merge_results(table, [result])  # what is measured is kept, whatever comes next
    write_plot(options.results / "features.png", results.values())
    sys.stdout.write(describe(results))
    return 1 if wrong else 0


def read_options() -> argparse.Namespace:
    parser = make_parser("tests.benchmarks.features", timeout=300)
    add = parser.add_argument
    add("--rows", type=int, nargs="+", default=[1_000_000, 5_000_000, 20_000_000])
    add("--distributions", nargs="+", choices=list(DISTRIBUTIONS), default=list(DISTRIBUTIONS))
    add("--contenders", nargs="+", choices=list(MODULES), default=list(MODULES))
    add("--runs", type=int, default=3, help="up to 5,000,000 rows")
    add("--large-runs", type=int, default=1, help="beyond 5,000,000 rows")
    return parser.parse_args()


def find_wrong(workshop: Workshop, contenders: Iterable[str]) -> dict[str, str]:
    """Contenders whose output is not the kernel's, and why; this also fills every cache.

    Raises:
        SystemExit: when the kernel itself fails, for then there is nothing to compare with.
    """
    workshop = replace(workshop, timeout_seconds=check.TIMEOUT_SECONDS)
    wrong: dict[str, str] = {}
    expected: dict[str, pa.Table] = {}
    for contender in (KERNEL, *(c for c in contenders if c != KERNEL)):
        for distribution in DISTRIBUTIONS:

            def inspect(target: Path, keys: str = distribution) -> str:
                found = check.read_output(target, WINDOWS)
                return check.describe_difference(found, expected.setdefault(keys, found))

            measured = workshop.run(
                contender,
                distribution=distribution,
                rows=check.ROWS,
                windows=WINDOWS,
                inspect=inspect,
            )
            if measured.outcome == "ok":
                log.info("Checked %s on %s keys: as the kernel", contender, distribution)
                continue
            reason = f"{distribution} keys: {measured.reason or measured.outcome}"
            log.error("%s will not be timed: %s", contender, reason)
            wrong.setdefault(contender, reason)
        if KERNEL in wrong:
            raise SystemExit(f"There is nothing to compare with: {wrong[KERNEL]}")
    return wrong


def run_plan(
    workshop: Workshop, plan: Plan, *, wrong: dict[str, str], measured_on: str
) -> Iterable[Result]:
    """Results as they come; a cell's last one holds all its runs."""
    runs: dict[Cell, list[Measured]] = defaultdict(list)
    dropped: dict[tuple[str, str, str], Result] = {}
    for cell in tqdm(list(plan.cells()), unit="run", disable=None, file=sys.stderr):
        lane = (cell.series, cell.distribution, cell.contender)
        if cell.contender in wrong:
            yield Result(cell, "wrong", measured_on=measured_on, reason=wrong[cell.contender])
        elif lane not in dropped:
            measured = workshop.run(
                cell.contender,
                distribution=cell.distribution,
                rows=cell.rows,
                windows=windows_of(cell),
            )
            runs[cell].append(measured)
            result = summarize(cell, runs[cell], measured_on=measured_on)
            if measured.outcome != "ok":
                dropped[lane] = result
            _report(cell, measured)
            yield result
        elif dropped[lane].cell != cell:
            before = dropped[lane]
            reason = f"{before.outcome} at {before.cell.rows:,} rows"
            yield Result(cell, "not run", measured_on=measured_on, reason=reason)


def _report(cell: Cell, measured: Measured) -> None:
    if not sys.stderr.isatty():
        log.info(
            "%s, %s keys, %s rows, %s: %s in %.2f s, %.0f MiB %s",
            cell.series,
            cell.distribution,
            f"{cell.rows:,}",
            cell.contender,
            measured.outcome,
            measured.seconds,
            measured.peak_mib,
            measured.reason,
        )


if __name__ == "__main__":
    sys.exit(main())
