"""The services of one machine: Airflow, MLflow, the embedded SageMaker, the Data Docs."""

import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from expectations.contract import refuse_any
from infra.airflow import build_airflow_environment
from infra.processes import Service
from infra.tracking import build_mlflow

DEFAULT_PORTS = {"airflow": 8080, "mlflow": 5000, "sagemaker": 8768, "aws": 8769, "docs": 8770}
PORT_VARIABLES = {name: f"OVERNIGHT_{name.upper()}_PORT" for name in DEFAULT_PORTS}
PORTS_END = 65_536


@dataclass(frozen=True, slots=True)
class Ports:
    """Port of each service on the loopback address."""

    airflow: int
    mlflow: int
    sagemaker: int
    aws: int
    docs: int

    def by_variable(self) -> dict[str, int]:
        """Return the ports by the names of the environment variables that set them."""
        return {variable: getattr(self, name) for name, variable in PORT_VARIABLES.items()}


def read_ports(environment: Mapping[str, str]) -> Ports:
    """Read the ports from an environment; an absent variable leaves the default.

    Raises:
        ProblemsError: naming every variable that holds no port.
    """
    problems, ports = [], {}
    for name, variable in PORT_VARIABLES.items():
        text = environment.get(variable, str(DEFAULT_PORTS[name]))
        ports[name] = int(text) if text.isascii() and text.isdecimal() else 0
        if not 0 < ports[name] < PORTS_END:
            problems.append(f"{variable}: {text!r} is not a port; give a number from 1 to 65535")
    refuse_any("the environment", problems)
    return Ports(**ports)


def build_services(
    environment: Mapping[str, str],
    *,
    home: Path,
    dags: Path,
    docs: Path,
    tracking_uri: str,
    ports: Ports,
) -> list[Service]:
    """Build all services, in the order in which they are started.

    Args:
        environment: the environment to start from.
        home: the folder where each keeps its files and its log.
        dags: the folder with the DAG files.
        docs: the folder with the Data Docs.
        tracking_uri: the store behind the MLflow server.
        ports: where each listens.
    """
    return [
        build_sagemaker(environment, home=home, ports=ports),
        build_mlflow(environment, home=home, tracking_uri=tracking_uri, port=ports.mlflow),
        _docs(environment, home, docs, ports),
        _airflow(environment, home, dags, ports),
    ]


def is_sagemaker_up(address: str) -> bool:
    """Return True if an embedded SageMaker answers at an address, with its endpoints restored."""
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=1) as answer:  # noqa: S310
            return bool(answer.status == HTTPStatus.OK)
    except (OSError, ValueError):
        return False


def embedded_home(home: Path) -> Path:
    """Return the folder of the embedded SageMaker of a home."""
    return home / "sagemaker"


def build_sagemaker(environment: Mapping[str, str], *, home: Path, ports: Ports) -> Service:
    """Build the service of the embedded SageMaker alone; arguments as of `build_services`."""
    command = [sys.executable, "-m", "infra.emulator", "--home", str(embedded_home(home))]
    command += ["--port", str(ports.sagemaker), "--aws-port", str(ports.aws)]
    # A bake of 300 s is rehearsed in 15.
    command += ["--time-scale", "0.05"]
    return Service(
        name="Embedded SageMaker",
        command=command,
        environment=environment,
        health=f"http://127.0.0.1:{ports.sagemaker}/health",
        log=home / "logs/sagemaker.log",
    )


def _docs(environment: Mapping[str, str], home: Path, docs: Path, ports: Ports) -> Service:
    """Build the service of Data Docs, which serves Great Expectations' pages as files."""
    docs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "infra.loopback.files", "--folder", str(docs)]
    return Service(
        name="Data Docs",
        command=[*command, "--port", str(ports.docs)],
        environment=environment,
        health=f"http://127.0.0.1:{ports.docs}/",
        log=home / "logs/docs.log",
    )


def _airflow(environment: Mapping[str, str], home: Path, dags: Path, ports: Ports) -> Service:
    return Service(
        name="Airflow",
        command=[sys.executable, "-m", "airflow", "standalone"],
        environment=build_airflow_environment(
            environment, home=home / "airflow", dags=dags, port=ports.airflow
        ),
        health=f"http://127.0.0.1:{ports.airflow}/api/v2/monitor/health",
        log=home / "logs/airflow.log",
    )
