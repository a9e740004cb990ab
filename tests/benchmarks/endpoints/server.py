"""A server as a session of processes: started, waited for, measured, ended."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.endpoints.model import Made
from tests.benchmarks.measure import end_session, members_of, proportional_kib

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PATIENCE_SECONDS = 120
DRAIN_SECONDS = 30
OURS, MLFLOW = "overnight", "mlflow models serve"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes:
        session: of all its processes.
        body: what it is sent for one row.
    """

    name: str
    session: int
    port: int

    def body(self, row: Mapping[str, float]) -> dict[str, object]:
        return {"instances": [row]} if self.name == OURS else {"dataframe_records": [row]}

    def score(self, row: Mapping[str, float]) -> float:
        """What it answers for a row."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/invocations", json.dumps(self.body(row)), headers)
            (answer,) = json.loads(connection.getresponse().read())["predictions"]
        return float(answer["score"] if self.name == OURS else answer)

    def cpu_seconds(self) -> float:
        """Processor time of all its processes since their start."""
        ticks = 0
        for pid in members_of(self.session):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS_PER_SECOND

    def memory_mib(self) -> float:
        """Proportional set size of all its processes."""
        return sum(proportional_kib(pid) for pid in members_of(self.session)) / 1024


@contextlib.contextmanager
def serving(made: Made, *, lean: Path, scratch: Path, workers: int) -> Iterator[Server]:
    """The container, in its lean environment, with metrics and its own capture on."""
    port = _free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "SM_MODEL_DIR": str(made.bundle),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "OVERNIGHT_WORKERS": str(workers),
        "OVERNIGHT_ENDPOINT": "bench",
        "OVERNIGHT_MODEL_VERSION": "1",
        "OVERNIGHT_METRICS_SECONDS": "5",
        "OVERNIGHT_CAPTURE": str(scratch / "captured"),
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    command = [lean / "bin" / "python", "-m", "infra.serving", "serve"]
    with _running(OURS, command, environment, port=port, output=scratch / "overnight.txt") as it:
        yield it


@contextlib.contextmanager
def mlflow_serving(made: Made, *, scratch: Path, workers: int) -> Iterator[Server]:
    """MLflow's server, in the environment that trains."""
    port = _free_port()
    command = [
        sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", made.mlflow,
        "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port),
        "--workers", str(workers),
    ]  # fmt: skip
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}
    # It starts its server by name, through a shell.
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    with _running(MLFLOW, command, environment, port=port, output=scratch / "mlflow.txt") as it:
        yield it


@contextlib.contextmanager
def _running(
    name: str,
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    *,
    port: int,
    output: Path,
) -> Iterator[Server]:
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command, env=environment, stdout=sink, stderr=sink, start_new_session=True
        )
    try:
        _wait_until_ready(process, port, output)
        yield Server(name, process.pid, port)
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(DRAIN_SECONDS)
    finally:
        end_session(process.pid)
        process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int, output: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.request("GET", "/ping")
            if connection.getresponse().status == http.client.OK:
                return
        time.sleep(0.05)
    raise SystemExit(f"No server on port {port}; look at {output}.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
