"""`python -m tests.benchmarks.wide`: a first run on one file of 590,000 rows and 400 columns.

The shape is that of the IEEE-CIS data: seconds since a start, codes, many numbers that are mostly
missing, few texts, 3.5 % fraud. Each step is a process, from `new` to the training set.
"""

import argparse
import csv
import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from tests.benchmarks.features import MIB_PER_GIB
from tests.benchmarks.machine import write_machine
from tests.benchmarks.measure import measure
from tests.benchmarks.options import make_parser
from tests.benchmarks.wide_rows import COLUMNS, FORMS, ROWS, declare_attributes, ensure_wide
from tests.benchmarks.workshop import environment, open_scratch

NAME = "wide"
STEPS = ("new", "doctor", "ingest", "validate", "build-features", "build-training-set")
FIELDS = ("form", "rows", "columns", "step", "outcome", "seconds", "cpu_seconds", "peak_mib",
          "measured_on")  # fmt: skip
# The day after the last of the rows, which `overnight new` dates from the start of 2020.
AS_OF = "2020-07-02"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """What was measured of one step."""

    form: str
    rows: int
    columns: int
    step: str
    outcome: str
    seconds: str
    cpu_seconds: str
    peak_mib: str
    measured_on: str


def main() -> int:
    options = read_options()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    scratch = open_scratch(options.scratch)
    lines: list[Line] = []
    for form in options.forms:
        with tempfile.TemporaryDirectory(dir=scratch, prefix="run-") as name:
            lines += measure_steps(form, Path(name), scratch, options)
    write_results(options.results / "wide.csv", lines)
    write_machine(options.results / "machine.json", measured_on=options.date)
    return 0 if all(line.outcome == "ok" for line in lines) else 1


def measure_steps(
    form: str, folder: Path, scratch: Path, options: argparse.Namespace
) -> Iterator[Line]:
    """Measure each step of a first run on one file."""
    source = ensure_wide(scratch / NAME, form=form, rows=options.rows)
    overnight = Path(sys.executable).with_name("overnight")
    spec = folder / f"{NAME}.toml"
    for step in STEPS:
        match step:
            case "new":
                words = [step, NAME, "--from", str(source)]
            case "doctor":
                words = [step, str(spec)]
            case _:
                words = [step, str(spec), "--as-of", AS_OF]
        run = measure(
            ["env", "-C", str(folder), str(overnight), *words],
            environment=environment(
                scratch, OVERNIGHT_HOME=str(folder / "home"), TMPDIR=str(folder)
            ),
            output=folder / "output.txt",
            timeout_seconds=options.timeout,
            memory_limit_mib=options.memory_limit * MIB_PER_GIB,
        )
        log.info("%s, %s: %s in %.1f s (%.1f s of processor), %.0f MiB %s", form, step,
                 run.outcome, run.seconds, run.cpu_seconds, run.peak_mib, run.reason)  # fmt: skip
        yield Line(
            form, options.rows, COLUMNS, step, run.outcome, f"{run.seconds:.2f}",
            f"{run.cpu_seconds:.2f}", f"{run.peak_mib:.0f}", options.date,
        )  # fmt: skip
        if run.outcome != "ok":
            return
        if step == "new":
            spec.write_text(declare_attributes(spec.read_text()))


def write_results(path: Path, lines: Sequence[Line]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FIELDS)
        writer.writerows(astuple(line) for line in lines)


def read_options() -> argparse.Namespace:
    parser = make_parser("tests.benchmarks.wide", timeout=1800)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
