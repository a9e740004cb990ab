"""An installation as in production: PostgreSQL, sign-in everywhere, each part of Airflow a process.

Every secret is planted: a word that nothing but the setting it stands in may hold.
"""

import base64
import contextlib
import json
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

from cryptography.fernet import Fernet

from infra.airflow.environment import POOLS, build_airflow_environment
from infra.local.services import Ports, build_sagemaker
from infra.processes.service import Service, running
from infra.tracking.server import build_mlflow
from pipelines.config.installation.settings import DAGS
from tests.e2e.conftest import Installation
from tests.e2e.services import Airflow, Mlflow, call, wait_until
from tests.production.mail import Mailbox
from tests.production.postgres import Postgres

ROLES = 'author = ["alice"]\nreviewer = ["rita", "olga"]\ndeployer = ["night"]\n'
PEOPLE = ("alice", "rita", "olga", "night")  # in MLflow
STAFF = {"ada": "Admin", "olga": "Op", "vera": "Viewer"}  # in Airflow
DATABASES = {"airflow": "airflow", "mlflow": "mlflow", "people": "mlflow", "studies": "studies"}
PARTS = ("scheduler", "triggerer", "dag-processor", "api-server")
BACKEND = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
SMTP = "airflow.providers.smtp.notifications.smtp.SmtpNotifier"


def plant() -> dict[str, str]:
    """What each secret is for, to the secret."""
    users = [f"{user} in PostgreSQL" for user in ("root", *dict.fromkeys(DATABASES.values()))]
    users += [f"{name} in MLflow" for name in ("admin", *PEOPLE)]
    users += [f"{name} in Airflow" for name in STAFF]
    users += [f"{name}'s sessions" for name in ("MLflow", "Airflow")]
    users += ["Airflow's tokens", "AWS", "mail", "a connection"]
    planted = {each: f"planted{secrets.token_hex(12)}" for each in users}
    return planted | {"Airflow's connections": Fernet.generate_key().decode()}


def read_settings_file(path: Path) -> dict[str, str]:
    """NAME=VALUE a line, as systemd and docker read it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@dataclass(frozen=True)
class Rig:
    """What runs, and the secrets in it."""

    installation: Installation
    planted: Mapping[str, str]
    database: Postgres
    mailbox: Mailbox
    airflow_environment: Mapping[str, str]

    def airflow(self, name: str) -> Airflow:
        """Airflow's interface, signed in."""
        known = {"username": name, "password": self.planted[f"{name} in Airflow"]}
        return Airflow(self.installation, known)

    def mlflow(self, name: str) -> Mlflow:
        """MLflow's interface, signed in."""
        known = f"{name}:{self.planted[f'{name} in MLflow']}".encode()
        return Mlflow(
            self.installation, {"Authorization": f"Basic {base64.b64encode(known).decode()}"}
        )

    def overnight(self, *arguments: str) -> str:
        """A command, as the deployer runs it."""
        ran = subprocess.run(
            [Path(sys.executable).with_name("overnight"), *arguments],
            env=self.airflow_environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout


@contextlib.contextmanager
def serving(
    installation: Installation, planted: Mapping[str, str], database: Postgres, mailbox: Mailbox,
    *, backend: Path,
) -> Iterator[Rig]:  # fmt: skip
    """Everything, healthy; `backend` is where Airflow's secrets backend reads."""
    home = installation.home
    ports = Ports(**{each.name: installation.port(each.name.upper()) for each in fields(Ports)})
    (home / "roles.toml").write_text(ROLES)
    environment = _airflow_environment(
        installation, planted, database, mailbox, ports=ports, backend=backend
    )
    rig = Rig(installation, planted, database, mailbox, environment)
    sagemaker = build_sagemaker(
        installation.environment | {"AWS_SECRET_ACCESS_KEY": planted["AWS"]}, home=home, ports=ports
    )
    with ThreadPoolExecutor() as beside:
        # On one core each: the two do not need each other.
        prepared = beside.submit(_prepare, rig)
        with running([sagemaker, _mlflow(rig, ports)]):
            for name in PEOPLE:
                known = {"username": name, "password": planted[f"{name} in MLflow"]}
                rig.mlflow("admin").call("users/create", known)
            prepared.result()
            with running([_part(part, environment, home, ports) for part in PARTS]):
                wait_until(lambda: _is_whole(ports), 240)
                _invite(rig, ports)
                yield rig


def _mlflow(rig: Rig, ports: Ports) -> Service:
    """MLflow with roles; the store's password is in no address."""
    home, port = rig.installation.home, rig.database.port
    return build_mlflow(
        {
            **rig.installation.environment,
            "OVERNIGHT_ROLES": str(home / "roles.toml"),
            "OVERNIGHT_MLFLOW_USERS": f"postgresql://mlflow@127.0.0.1:{port}/people",
            "PGPASSWORD": rig.planted["mlflow in PostgreSQL"],
            "MLFLOW_AUTH_ADMIN_PASSWORD": rig.planted["admin in MLflow"],
            "MLFLOW_FLASK_SERVER_SECRET_KEY": rig.planted["MLflow's sessions"],
        },
        home=home,
        tracking_uri=f"postgresql://mlflow@127.0.0.1:{port}/mlflow",
        port=ports.mlflow,
    )


def _prepare(rig: Rig) -> None:
    """Airflow's database, pool and first user."""
    for command in (
        ("db", "migrate"),
        ("pools", "import", str(POOLS)),
        ("users", "create", "--username=ada", "--role=Admin", "--email=ada@bank.example",
         "--firstname=Ada", "--lastname=A", f"--password={rig.planted['ada in Airflow']}"),
    ):  # fmt: skip
        ran = subprocess.run(
            [sys.executable, "-m", "airflow", *command],
            env=rig.airflow_environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr


def _airflow_environment(
    installation: Installation, planted: Mapping[str, str], database: Postgres, mailbox: Mailbox,
    *, ports: Ports, backend: Path,
) -> dict[str, str]:  # fmt: skip
    """Of every part of Airflow: what infra/airflow/README.md asks for."""
    mail = {
        "conn_type": "smtp", "host": "127.0.0.1", "port": mailbox.port, "login": "overnight",
        "password": planted["mail"], "extra": {"disable_ssl": True, "disable_tls": True},
    }  # fmt: skip
    backend.write_text(json.dumps({"smtp_default": mail}))
    told = {
        "class": SMTP,
        "arguments": {
            "to": "duty@bank.example", "from_email": "overnight@bank.example",
            "subject": "{{ failure.subject }}", "html_content": "{{ failure.html }}",
        },
    }  # fmt: skip
    sagemaker = f"http://127.0.0.1:{ports.sagemaker}"
    own = {
        **installation.environment,
        **read_settings_file(POOLS.with_name("production.env")),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.url(
            "airflow", "airflow", driver="postgresql+psycopg2"
        ),
        "AIRFLOW__CORE__FERNET_KEY": planted["Airflow's connections"],
        "AIRFLOW__API__SECRET_KEY": planted["Airflow's sessions"],
        "AIRFLOW__API_AUTH__JWT_SECRET": planted["Airflow's tokens"],
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"connections_file_path": str(backend)}),
        "OVERNIGHT_NOTIFIERS": json.dumps([told]),
        "OVERNIGHT_STUDIES": database.url("studies", "studies"),
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{ports.mlflow}",
        "MLFLOW_TRACKING_USERNAME": "night",
        "MLFLOW_TRACKING_PASSWORD": planted["night in MLflow"],
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports.aws}",
        "AWS_ENDPOINT_URL_SAGEMAKER": sagemaker,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": sagemaker,
        "AWS_DEFAULT_REGION": "us-east-1",
        "OVERNIGHT_AIRFLOW_USERNAME": "vera",
        "OVERNIGHT_AIRFLOW_PASSWORD": planted["vera in Airflow"],
        "AWS_ACCESS_KEY_ID": "overnight",
        "AWS_SECRET_ACCESS_KEY": planted["AWS"],
        # So that a test waits seconds where production waits minutes.
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
    }
    return build_airflow_environment(
        own, home=installation.home / "airflow", dags=DAGS, port=ports.airflow
    )


def _part(name: str, environment: Mapping[str, str], home: Path, ports: Ports) -> Service:
    return Service(
        name=f"Airflow's {name}",
        command=[sys.executable, "-m", "airflow", name],
        environment=environment,
        health=f"http://127.0.0.1:{ports.airflow}/api/v2/monitor/health",
        log=home / f"logs/{name}.log",
    )


def _is_whole(ports: Ports) -> bool:
    """Whether every part says that it is healthy."""
    health = call(f"http://127.0.0.1:{ports.airflow}/api/v2/monitor/health")
    return all(
        health[each]["status"] == "healthy"
        for each in ("metadatabase", "scheduler", "triggerer", "dag_processor")
    )


def _invite(rig: Rig, ports: Ports) -> None:
    """Users of Airflow beside the first, and a connection that nobody uses."""
    known = {"username": "ada", "password": rig.planted["ada in Airflow"]}
    address = f"http://127.0.0.1:{ports.airflow}/auth"
    token = call(f"{address}/token", known)["access_token"]
    for name, role in STAFF.items():
        if name != "ada":
            body = {
                "username": name, "password": rig.planted[f"{name} in Airflow"],
                "first_name": name, "last_name": "B", "email": f"{name}@bank.example",
                "roles": [{"name": role}],
            }  # fmt: skip
            call(f"{address}/fab/v1/users", body, headers={"Authorization": f"Bearer {token}"})
    password = rig.planted["a connection"]
    held = {"connection_id": "warehouse", "conn_type": "generic", "password": password}
    rig.airflow("ada").call("connections", held)
