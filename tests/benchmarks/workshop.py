"""Runs one contender on generated rows, as a process, in a folder that is removed afterwards."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from expectations.contract import format_duration
from tests.benchmarks.data import ensure_transactions
from tests.benchmarks.measure import Measured, measure
from tests.handbook import PATH

Inspect = Callable[[Path], str]


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where runs take place and what they may take.

    Attributes:
        scratch: keeps the generated rows and the caches.
    """

    scratch: Path
    timeout_seconds: float
    memory_limit_mib: float

    def run(
        self,
        contender: str,
        *,
        distribution: str,
        rows: int,
        windows: Sequence[timedelta],
        inspect: Inspect | None = None,
    ) -> Measured:
        """Time a contender.

        Args:
            contender: one of `contenders.MODULES`.
            distribution: one of `data.DISTRIBUTIONS`.
            rows: how many of them.
            windows: what to compute.
            inspect: called with the folder of the output; what it returns is why the run failed.
        """
        source = ensure_transactions(self.scratch, distribution=distribution, rows=rows)
        _settle(source)
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix="run-") as name:
            folder = Path(name)
            target, scratch = folder / "features", folder / "scratch"
            scratch.mkdir()
            words = [contender, source, target, *(format_duration(w) for w in windows)]
            measured = measure(
                [sys.executable, "-m", "tests.benchmarks.contenders", *map(str, words)],
                environment=environment(self.scratch, TMPDIR=str(scratch)),
                output=folder / "output.txt",
                timeout_seconds=self.timeout_seconds,
                memory_limit_mib=self.memory_limit_mib,
            )
            reason = inspect(target) if inspect and measured.outcome == "ok" else ""
            return replace(measured, outcome="failed", reason=reason) if reason else measured


def environment(scratch: Path, **variables: str) -> dict[str, str]:
    """This process's variables, with modules compiled once instead of at every start."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(scratch / "pycache")} | variables


def require_handbook() -> Path:
    """The Handbook's file; ends the benchmark where it is absent."""
    if not PATH.is_file():
        raise SystemExit(f"There is no {PATH}. Set OVERNIGHT_HANDBOOK to the Handbook's file.")
    return PATH


def handbook_environment(scratch: Path, *, home: Path) -> dict[str, str]:
    """Variables of an installation of its own on the Handbook's file."""
    handbook = str(require_handbook().absolute())
    variables = environment(scratch, OVERNIGHT_HOME=str(home), OVERNIGHT_HANDBOOK=handbook)
    variables.pop("OVERNIGHT_LAKE", None)
    return variables


def open_scratch(scratch: Path) -> Path:
    """The folder, without what a run that was cut off left there."""
    scratch = scratch.absolute()
    scratch.mkdir(parents=True, exist_ok=True)
    for left in scratch.glob("run-*"):
        shutil.rmtree(left)
    return scratch


def _settle(source: Path) -> None:
    """What the run before wrote goes to the disk, what this one reads comes into memory."""
    os.sync()
    for path in source.glob("*/*.parquet"):
        path.read_bytes()
