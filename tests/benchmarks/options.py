"""Options that every benchmark has."""

import argparse
import tempfile
from pathlib import Path

from tests.benchmarks.machine import default_memory_limit_gib, today

RESULTS = Path(__file__).parent / "results"


def _writable_folder(text: str) -> Path:
    """A folder that results can be written to: found out before a run of hours, not after it."""
    folder = Path(text)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text} takes no files: {error.strerror}") from error


def make_parser(module: str, *, timeout: float) -> argparse.ArgumentParser:
    """A parser with what every benchmark asks for; each adds its own sizes.

    Args:
        module: of the benchmark.
        timeout: seconds a run, unless told otherwise.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    add = parser.add_argument
    add("--timeout", type=float, default=timeout, help="seconds a run")
    add("--memory-limit", type=float, default=default_memory_limit_gib(), help="GiB a run")
    add("--scratch", type=Path, default=Path("var/bench"))
    add("--results", type=_writable_folder, default=RESULTS, help="made where it is not there")
    add("--date", default=today(), help="recorded with the results")
    return parser
