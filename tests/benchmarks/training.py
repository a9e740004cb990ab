"""`python -m tests.benchmarks.training`: memory and time of the steps tune and train.

Whole commands on the Handbook's training set; what they take is compared with its matrix of 32-bit
numbers, rows x columns x 4 bytes.
"""

import argparse
import csv
import logging
import os
import sys
from pathlib import Path

from tests.benchmarks.detection import OVERNIGHT, build_training_set
from tests.benchmarks.features import MIB_PER_GIB
from tests.benchmarks.machine import write_machine
from tests.benchmarks.measure import measure
from tests.benchmarks.options import make_parser
from tests.benchmarks.protocol import AS_OF, SPEC
from tests.benchmarks.workshop import handbook_environment, open_scratch

IMPORTS = "import deltalake, lightgbm, mlflow, optuna, pyarrow, sklearn.linear_model"
EVERY_COLUMN = f"{SPEC}&training.columns=[]"
FIELDS = ("step", "matrix_mib", "imports_mib", "peak_mib", "ratio", "ratio_without_imports",
          "seconds", "measured_on")  # fmt: skip

log = logging.getLogger(__name__)


def main() -> int:
    options = read_options()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    scratch = open_scratch(options.scratch) / "detection"
    scratch.mkdir(exist_ok=True)
    variables = handbook_environment(scratch, home=scratch / "home")
    os.environ |= variables
    training_set = build_training_set(variables)
    matrix = matrix_mib(training_set)
    spec = f"{EVERY_COLUMN}&training.trials={options.trials}&training.seed={options.seed}"
    steps = [
        ["tune", spec, "--as-of", AS_OF, "--training-set", training_set],
        ["train", spec, "--as-of", AS_OF, "--training-set", training_set],
    ]
    for name in ("studies.db", "mlflow.db"):  # nothing is to be found done already
        (scratch / "home" / name).unlink(missing_ok=True)

    def run(command: list[str | Path]) -> tuple[float, float]:
        measured = measure(
            command, environment=variables, output=scratch / "output.txt",
            timeout_seconds=options.timeout, memory_limit_mib=options.memory_limit * MIB_PER_GIB,
        )  # fmt: skip
        if measured.outcome != "ok":
            raise SystemExit(f"{command[1]}: {measured.outcome} {measured.reason}")
        return measured.seconds, measured.peak_mib

    _, imports = run([sys.executable, "-c", f"{IMPORTS}; import time; time.sleep(1)"])
    lines = []
    for step in steps:
        seconds, peak = run([OVERNIGHT, *step])
        ratios = peak / matrix, (peak - imports) / matrix
        lines.append(
            [step[0], *(f"{mib:.0f}" for mib in (matrix, imports, peak)),
             *(f"{ratio:.2f}" for ratio in ratios), f"{seconds:.0f}", options.date]
        )  # fmt: skip
        log.info("%s", lines[-1])
    write_machine(options.results / "machine.json", measured_on=options.date)
    with (options.results / "training.csv").open("w", newline="") as sink:
        csv.writer(sink, lineterminator="\n").writerows([FIELDS, *lines])
    return 0


def read_options() -> argparse.Namespace:
    parser = make_parser("tests.benchmarks.training", timeout=3_600)
    add = parser.add_argument
    add("--trials", type=int, default=6)
    add("--seed", type=int, default=7)
    return parser.parse_args()


def matrix_mib(training_set: str) -> float:
    """The size of all columns as 32-bit numbers."""
    from pipelines.config.columns import request_kinds
    from pipelines.config.installation.settings import load_settings
    from pipelines.config.references import TableVersion
    from pipelines.config.spec import load_spec
    from pipelines.lake.tables import Lake

    spec = load_spec(EVERY_COLUMN)
    lake = Lake(load_settings().lake, spec=spec.name)
    rows = lake.row_count(TableVersion.parse(training_set))
    return rows * len(request_kinds(spec)) * 4 / 2**20


if __name__ == "__main__":
    sys.exit(main())
