"""`python -m tests.benchmarks.serving`: the container against `mlflow models serve`.

The same model, the same rows, two workers each. Ours checks requests, explains alerts, writes
metrics and captures while it is measured; MLflow's checks its signature.
"""

import argparse
import csv
import logging
import os
import shutil
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import asdict, fields
from pathlib import Path
from statistics import median

from tests.benchmarks.endpoints.load import Loaded, find_differences, put_under_load
from tests.benchmarks.endpoints.model import Made, make_model
from tests.benchmarks.endpoints.plot import write_plot
from tests.benchmarks.endpoints.server import MLFLOW, OURS, Server, mlflow_serving, serving
from tests.benchmarks.machine import write_machine
from tests.benchmarks.options import make_parser
from tests.benchmarks.workshop import open_scratch

ROOT = Path(__file__).parents[2]
WORKERS = 2
MEASURES = tuple(field.name for field in fields(Loaded))

log = logging.getLogger(__name__)


def main() -> int:
    options = read_options()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    subprocess.run(
        [ROOT / "infra" / "program.sh", "wrk", "The serving benchmark needs", "wrk"], check=True
    )
    scratch = open_scratch(options.scratch) / "serving"
    scratch.mkdir(exist_ok=True)
    made = make_model(scratch)
    lean = ensure_lean(scratch / "lean")
    ours = [
        run(serving(made, lean=lean, scratch=scratch, workers=WORKERS), made, scratch, options)
        for _ in range(options.runs)
    ]
    theirs = run(mlflow_serving(made, scratch=scratch, workers=WORKERS), made, scratch, options)
    results = {OURS: middle(ours), MLFLOW: theirs}
    write_csv(options.results / "serving.csv", results, ours, date=options.date)
    write_plot(options.results / "serving.png", results)
    write_machine(options.results / "machine.json", measured_on=options.date)
    for line in targets(results):
        sys.stdout.write(f"{line}\n")
    return 0


def read_options() -> argparse.Namespace:
    parser = make_parser("tests.benchmarks.serving", timeout=300)
    parser.add_argument("--runs", type=int, default=3, help="of the container; the median counts")
    parser.add_argument("--seconds", type=int, default=8, help="of each load")
    return parser.parse_args()


def ensure_lean(venv: Path) -> Path:
    """The container's environment, made as its image makes it."""
    if not (venv / "done").is_file():
        shutil.rmtree(venv, ignore_errors=True)
        script = ROOT / "infra" / "serving" / "image" / "environment.sh"
        subprocess.run(
            [script, script.with_name("requirements.lock"), venv],
            check=True,
            env=os.environ | {"PYTHON": sys.executable},
        )
        (venv / "done").touch()
    return venv


def run(
    starting: AbstractContextManager[Server],
    made: Made,
    scratch: Path,
    options: argparse.Namespace,
) -> Loaded:
    """One server from its start to its end; no figure counts unless its answers are right."""
    shutil.rmtree(scratch / "captured", ignore_errors=True)
    with starting as server:
        differences = find_differences(server, made)
        if differences:
            raise SystemExit(f"{server.name} scores otherwise than LightGBM: {differences[:3]}")
        loaded = put_under_load(server, made, scratch=scratch, seconds=options.seconds)
    shutil.rmtree(scratch / "captured", ignore_errors=True)
    log.info("%s: %s", server.name, loaded)
    return loaded


def middle(runs: list[Loaded]) -> Loaded:
    """The median of each measure; failures are added up."""
    values = {name: median(getattr(each, name) for each in runs) for name in MEASURES}
    return Loaded(**{**values, "failed": sum(each.failed for each in runs)})


def write_csv(path: Path, results: dict[str, Loaded], ours: list[Loaded], *, date: str) -> None:
    with path.open("w", newline="") as sink:
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(["server", "workers", *MEASURES, "runs", "measured_on"])
        for name, loaded in results.items():
            values = [round(value, 2) for value in asdict(loaded).values()]
            runs = len(ours) if name == OURS else 1
            writer.writerow([name, WORKERS, *values, runs, date])


def targets(results: dict[str, Loaded]) -> list[str]:
    """What was aimed at and what was reached."""
    ours, theirs = results[OURS], results[MLFLOW]
    faster = ours.requests_per_second / theirs.requests_per_second
    sooner = theirs.p50_us / ours.p50_us
    return [
        f"requests/s, 8 connections: {ours.requests_per_second:,.0f}, {faster:.0f} x (100 x)",
        f"median, 1 connection: {ours.p50_us:.0f} us, 1/{sooner:.0f} (1/100)",
        f"99th percentile, 8 connections: {ours.p99_ms:.1f} ms (below 5 ms)",
        f"processor time a request: {ours.cpu_us:.0f} us (70 us)",
        f"memory of {WORKERS} workers: {ours.memory_mib:.0f} MiB (below 150 MiB)",
        f"failed requests: {ours.failed} (0)",
    ]


if __name__ == "__main__":
    sys.exit(main())
