"""`python -m tests.benchmarks.detection`: how well fraud is found, against other searches.

The Handbook's four test folds; parameters are chosen on its four validation folds alone. Every
search gets the same rows, features, folds, cores and seconds.
"""

import argparse
import csv
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import mean, pstdev

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks import searchers
from tests.benchmarks.machine import write_machine
from tests.benchmarks.options import make_parser
from tests.benchmarks.protocol import AS_OF, SPEC, Protocol, load_protocol, measure_fold
from tests.benchmarks.workshop import handbook_environment, open_scratch
from training.data.dataset import test_rows
from training.data.encoding import as_numbers
from training.data.splits import Fold

OVERNIGHT = Path(sys.executable).with_name("overnight")
SEARCHERS = Path(searchers.__file__).parent
DELIVERED = "2018-10-08"
OURS, HALF = "overnight", "overnight, half the time"
HALF_SHARE = 0.45
FIELDS = (
    "search", "budget_seconds", "seconds", "validation_average_precision", "auc", "auc_sd",
    "average_precision", "average_precision_sd", "card_precision_at_100",
    "card_precision_at_100_sd", "measured_on",
)  # fmt: skip

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """What one search reached: means and standard deviations over the four test folds."""

    search: str
    budget_seconds: int
    seconds: str
    validation: str
    auc: str
    auc_sd: str
    average_precision: str
    average_precision_sd: str
    card_precision: str
    card_precision_sd: str
    measured_on: str


def main() -> int:
    options = read_options()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    scratch = open_scratch(options.scratch) / "detection"
    scratch.mkdir(exist_ok=True)
    variables = handbook_environment(scratch, home=scratch / "home")
    variables["PYTHONPATH"] = str(Path.cwd())
    os.environ |= variables
    training_set = build_training_set(variables)
    protocol = load_protocol(SPEC, training_set)
    arrays = write_arrays(scratch / "arrays", protocol)
    flaml = make_environment(scratch / "flaml")
    # What each peer sits in front of is what it was given; ours reads the training set itself.
    ours = [sys.executable, "-m", "tests.benchmarks.searchers.ours", training_set]
    runs: dict[str, tuple[list[str], int]] = {
        "FLAML": ([str(flaml), str(SEARCHERS / "flaml_search.py"), str(arrays)], options.budget),
        "LightGBMTunerCV": (
            [sys.executable, "-m", "tests.benchmarks.searchers.lightgbm_tuner", str(arrays)],
            options.budget,
        ),
        # Less than half, as reading and binning the rows is no trial and is timed too.
        HALF: (ours, round(options.budget * HALF_SHARE)),
        OURS: (ours, options.budget),
    }
    lines = []
    for name, (command, budget) in runs.items():
        target = scratch / "results" / name.split(",")[0].lower() / str(budget)
        if not options.only or name in options.only:
            # A study that is there would be gone on with.
            shutil.rmtree(target, ignore_errors=True)
            run_search(name, [*command, str(target), str(budget), str(options.seed)], variables)
        lines.append(measure_search(name, budget, protocol, target, options))
        sys.stdout.write(f"{astuple(lines[-1])}\n")
    write_machine(options.results / "machine.json", measured_on=options.date)
    with (options.results / "detection.csv").open("w", newline="") as sink:
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(FIELDS)
        writer.writerows(astuple(line) for line in lines)
    write_scores(options.results / "detection-scores.parquet", protocol, target)
    return 0


def read_options() -> argparse.Namespace:
    parser = make_parser("tests.benchmarks.detection", timeout=3_600)
    add = parser.add_argument
    add("--budget", type=int, default=180, help="seconds of search")
    add("--seed", type=int, default=7)
    add("--only", action="append", default=[], help="this search; of the others what is there")
    return parser.parse_args()


def build_training_set(variables: Mapping[str, str]) -> str:
    """The steps before training, as a night runs them; nothing is done twice."""
    for step in ("ingest", "build-features"):
        command = [OVERNIGHT, step, SPEC, "--as-of", DELIVERED]
        subprocess.run(command, env=variables, check=True, stdout=sys.stderr)
    command = [OVERNIGHT, "build-training-set", SPEC, "--as-of", AS_OF]
    done = subprocess.run(command, env=variables, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.split()[-1]


def write_arrays(folder: Path, protocol: Protocol) -> Path:
    """What the peers read; see `searchers.arrays`."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "matrix.npy", as_numbers(protocol.rows.matrix))
    np.save(folder / "labels.npy", protocol.rows.labels)
    listed = {
        role: [_write_fold(folder, protocol, fold, f"{role}-{n}") for n, fold in enumerate(folds)]
        for role, folds in (("validation", protocol.validation), ("test", protocol.test))
    }
    (folder / "folds.json").write_text(json.dumps(listed))
    return folder


def _write_fold(folder: Path, protocol: Protocol, fold: Fold, name: str) -> tuple[int, int, str]:
    kept = test_rows(protocol.rows, fold, protocol.policy).metadata["transaction_id"]
    first, end = protocol.rows.bounds(fold.test)
    within = protocol.rows.metadata["transaction_id"].slice(first, end - first).to_numpy()
    np.save(folder / f"{name}.npy", first + np.flatnonzero(np.isin(within, kept.to_numpy())))
    return (*protocol.rows.bounds(fold.train), name)


def make_environment(folder: Path) -> Path:
    """FLAML's environment, made once from its lock; returns its interpreter."""
    python = folder / "bin/python"
    if not (folder / "ready").exists():
        uv = Path(sys.executable).with_name("uv")
        lock = SEARCHERS / "flaml.lock"
        subprocess.run(
            [uv, "venv", "--clear", "--quiet", "--python", sys.executable, folder], check=True
        )
        subprocess.run(
            [uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", lock], check=True
        )
        (folder / "ready").touch()
    return python


def run_search(name: str, command: list[str], variables: Mapping[str, str]) -> None:
    log.info("%s: %s", name, " ".join(command))
    own = dict(variables)
    if command[0] != sys.executable:
        own.pop("PYTHONPATH")
    subprocess.run(command, env=own, check=True, stdout=sys.stderr)


def measure_search(
    name: str, budget: int, protocol: Protocol, target: Path, options: argparse.Namespace
) -> Line:
    facts = json.loads((target / "facts.json").read_text())
    measured = [
        measure_fold(protocol, fold, np.load(target / f"scores-{number}.npy"))
        for number, fold in enumerate(protocol.test)
    ]
    figures = [
        f"{each(column):.4f}" for column in zip(*measured, strict=True) for each in (mean, pstdev)
    ]
    return Line(
        name, budget, f"{facts['seconds']:.0f}", f"{facts['validation']:.4f}", *figures,
        options.date,
    )  # fmt: skip


def write_scores(path: Path, protocol: Protocol, target: Path) -> None:
    """Transaction, fold (the first test day) and score: anyone can compute the metrics from it."""
    parts = []
    for number, fold in enumerate(protocol.test):
        test = test_rows(protocol.rows, fold, protocol.policy)
        scores = np.load(target / f"scores-{number}.npy")
        day = f"{fold.test.start:%Y-%m-%d}"
        columns = {
            "TRANSACTION_ID": test.metadata["transaction_id"].combine_chunks(),
            "fold": pa.array([day] * len(test)).dictionary_encode(),
            "score": pa.array(scores, pa.float32()),
        }
        parts.append(pa.table(columns))
    pq.write_table(pa.concat_tables(parts).unify_dictionaries(), path, compression="zstd")


if __name__ == "__main__":
    sys.exit(main())
