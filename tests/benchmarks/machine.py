"""What the numbers were measured on: cores, memory, versions."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

LIBRARIES = ("duckdb", "numba", "numpy", "pandas", "polars", "pyarrow", "pyspark")
GIB = 1024**3


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def default_memory_limit_gib() -> float:
    """A part of the machine's memory that leaves the rest of it running."""
    return round(0.85 * psutil.virtual_memory().total / GIB, 1)


def write_machine(path: Path, *, measured_on: str) -> None:
    facts = {
        "measured_on": measured_on,
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / GIB, 1),
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".partial")
    aside.write_text(json.dumps(facts, indent=2) + "\n")
    aside.replace(path)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
