"""The addresses of an installation, read once from the environment.

The laptop and the cloud run the same code (infra/decisions/0001): what is not set gets the
embedded default and is written back into the environment, where MLflow, boto3 and Airflow read it.
"""

import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from expectations.contract import InputError
from infra.airflow import build_airflow_environment
from infra.files import close_umask, make_private, narrow, sqlite_url, with_patience
from infra.local import Ports, read_ports
from pipelines.config.installation.compute import Compute, read_compute, read_least_rows

CHECKOUT = Path(__file__).resolve().parents[3]
DAGS = CHECKOUT / "dags"
_UNITS = {"MiB": 1024**2, "GiB": 1024**3}
LEAST_MEMORY = 256 * 1024**2


@dataclass(frozen=True, slots=True)
class Settings:
    """The addresses of one installation.

    Attributes:
        home: the folder of all files of the embedded defaults.
        lake: root of the Delta tables, a folder or an object store URL.
        spark: a session with a Spark master, `local[*]` unless set, or an application for jobs.
        tracking_uri: MLflow tracking server and model registry.
        airflow_home: Airflow's folder, with its SQLite database unless configured otherwise.
        ports: where this machine's services listen on the loopback address.
        docs_url: where Great Expectations' pages are served; `OVERNIGHT_DOCS_URL`, else by `up`.
        studies: SQLAlchemy URL of the Optuna studies, a SQLite file unless set.
        memory: bytes of data that a step may hold.
        spark_from_rows: new rows from which Spark ingests them; None: never.
    """

    home: Path
    lake: str
    spark: Compute
    tracking_uri: str
    airflow_home: Path
    ports: Ports
    docs_url: str
    studies: str
    memory: int
    spark_from_rows: int | None

    @property
    def mlflow_url(self) -> str:
        """Address of MLflow's pages, served by the tracking server, else by `up`."""
        if self.tracking_uri.startswith(("http://", "https://")):
            return self.tracking_uri.rstrip("/")
        return f"http://127.0.0.1:{self.ports.mlflow}"

    @property
    def scratch(self) -> Path:
        """Files that may be deleted at any time."""
        return self.home / "scratch"

    @property
    def data_docs(self) -> Path:
        """Great Expectations' pages: a folder for each spec, knowledge time and table."""
        return self.home / "data_docs"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings from an environment; an absent variable gets its embedded default."""
    root = CHECKOUT if (CHECKOUT / "pyproject.toml").is_file() else Path.cwd()
    home = Path(environment.get("OVERNIGHT_HOME", root / "var")).absolute()
    ports = read_ports(environment)
    spark = read_compute(environment)
    docs = environment.get("OVERNIGHT_DOCS_URL", f"http://127.0.0.1:{ports.docs}")
    return Settings(
        home=home,
        lake=environment.get("OVERNIGHT_LAKE", str(home / "lake")),
        spark=spark,
        tracking_uri=with_patience(
            environment.get("MLFLOW_TRACKING_URI", sqlite_url(home / "mlflow.db"))
        ),
        airflow_home=Path(environment.get("AIRFLOW_HOME", home / "airflow")),
        ports=ports,
        docs_url=docs.rstrip("/"),
        studies=with_patience(
            environment.get("OVERNIGHT_STUDIES", sqlite_url(home / "studies.db"))
        ),
        memory=parse_size(environment.get("OVERNIGHT_MEMORY", "2GiB"), name="OVERNIGHT_MEMORY"),
        spark_from_rows=read_least_rows(environment, spark),
    )


def parse_size(text: str, *, name: str) -> int:
    """Parse an amount of memory as bytes.

    Args:
        text: a whole number with its unit.
        name: of the variable, for the message.

    Raises:
        InputError: when it is none, or less than 256MiB.

    >>> parse_size("2GiB", name="OVERNIGHT_MEMORY")
    2147483648
    """
    found = re.fullmatch(r"([0-9]{1,6}) ?(MiB|GiB)", text.strip())
    size = 0 if found is None else int(found[1]) * _UNITS[found[2]]
    if size < LEAST_MEMORY:
        raise InputError(f"{name} is {text!r}; write it as 2GiB or 512MiB, at least 256MiB.")
    return size


def export_settings(settings: Settings, environment: MutableMapping[str, str]) -> None:
    """Write the addresses that are not set into an environment, under the libraries' own names.

    With `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true` (botocore's own switch) nothing of AWS is
    written, and boto3 talks to the account of the credentials it finds.
    """
    defaults = {
        "OVERNIGHT_HOME": str(settings.home),
        "OVERNIGHT_HANDBOOK": str(CHECKOUT.parent / "shared/handbook/transactions.parquet"),
        "MLFLOW_TRACKING_URI": settings.tracking_uri,
        # No usage data goes to the makers of MLflow; see docs/operations.md.
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_DISABLE_SCHEMA_DETAILS": "true",  # a failed check must not print data rows
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",  # two files
        # A server that is down is reported after half a minute; MLflow's defaults take four.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "4",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    if environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        sagemaker = f"http://127.0.0.1:{settings.ports.sagemaker}"
        defaults |= {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{settings.ports.aws}",
            "AWS_ENDPOINT_URL_SAGEMAKER": sagemaker,
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": sagemaker,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        if "AWS_ENDPOINT_URL" not in environment:
            defaults |= {"AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded"}
    for name, value in defaults.items():
        environment.setdefault(name, value)


def airflow_environment(settings: Settings) -> dict[str, str]:
    """Build the environment variables of every Airflow process of this installation."""
    return build_airflow_environment(
        os.environ, home=settings.airflow_home, dags=DAGS, port=settings.ports.airflow
    )


@cache
def load_settings() -> Settings:
    """Read this process's settings, once, and export what was not set.

    From then on the process makes no file that another user may read.
    """
    settings = read_settings(os.environ)
    export_settings(settings, os.environ)
    close_umask()
    make_private(settings.home)
    lake = Path(settings.lake)
    if lake.is_dir() and lake.parent != settings.home and list(lake.glob("*/*/_delta_log")):
        narrow(lake)  # of an earlier version
    return settings
