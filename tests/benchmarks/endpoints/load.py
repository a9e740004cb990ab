"""Load by wrk, and what it and /proc say of a server under it."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.endpoints.model import Made, write_script
from tests.benchmarks.endpoints.server import Server

BUSY, ALONE = 8, 1  # connections
CHECKED_ROWS = 50


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one round showed.

    Attributes:
        requests_per_second, p99_ms, cpu_us: at 8 connections; of all the server's processes.
        p50_us: at 1 connection.
        memory_mib: after it.
        failed: requests that were not answered with success, of both loads.
    """

    requests_per_second: float
    p50_us: float
    p99_ms: float
    cpu_us: float
    memory_mib: float
    failed: int


def put_under_load(server: Server, made: Made, *, scratch: Path, seconds: int) -> Loaded:
    """Warm up, then one connection, then eight."""
    script = write_script(
        scratch / "post.lua",
        route="/invocations",
        bodies=[server.body(row) for row in made.requests],
    )
    _run_wrk(server, script, connections=BUSY, seconds=2)
    alone = _run_wrk(server, script, connections=ALONE, seconds=seconds)
    before = server.cpu_seconds()
    busy = _run_wrk(server, script, connections=BUSY, seconds=seconds)
    spent = server.cpu_seconds() - before
    return Loaded(
        requests_per_second=busy.requests / busy.seconds,
        p50_us=alone.p50_us,
        p99_ms=busy.p99_us / 1_000,
        cpu_us=spent / busy.requests * 1e6,
        memory_mib=server.memory_mib(),
        failed=alone.failed + busy.failed,
    )


def find_differences(server: Server, made: Made) -> list[str]:
    """Rows that a server scores otherwise than LightGBM itself."""
    pairs = list(zip(made.requests, made.scores, strict=True))[:CHECKED_ROWS]
    answers = [(server.score(row), score) for row, score in pairs]
    return [f"{got!r} instead of {score!r}" for got, score in answers if got != score]


@dataclass(frozen=True, slots=True)
class _Run:
    requests: int
    seconds: float
    p50_us: float
    p99_us: float
    failed: int


def _run_wrk(server: Server, script: Path, *, connections: int, seconds: int) -> _Run:
    ran = subprocess.run(
        ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s",
         "--script", str(script), f"http://127.0.0.1:{server.port}"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found = re.search(r"^RESULT (\d+) (\d+) (\d+) (\d+) (\d+)$", ran.stdout, re.M)
    if found is None:
        raise SystemExit(f"wrk gave no result: {ran.stdout} {ran.stderr}")
    requests, micros, p50, p99, failed = map(int, found.groups())
    return _Run(requests, micros / 1e6, p50, p99, failed)
