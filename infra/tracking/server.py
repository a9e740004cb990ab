"""The MLflow server of one machine: open to everybody on it, or with users and roles."""

import sys
from collections.abc import Mapping
from pathlib import Path

from infra.files import sqlite_url, with_patience
from infra.loopback import own_addresses
from infra.processes import Service
from infra.tracking.database import make_server_files
from infra.tracking.roles import ROLES_VARIABLE, read_roles

USERS_VARIABLE = "OVERNIGHT_MLFLOW_USERS"


def build_mlflow(
    environment: Mapping[str, str], *, home: Path, tracking_uri: str, port: int
) -> Service:
    """Build the service of the MLflow server on the loopback address.

    Args:
        environment: the environment to start from. With `OVERNIGHT_ROLES`, a file of names for each
            role, everybody has to sign in; MLflow asks for `MLFLOW_AUTH_ADMIN_PASSWORD` the first
            time and `MLFLOW_FLASK_SERVER_SECRET_KEY` always. `OVERNIGHT_MLFLOW_USERS` is the
            SQLAlchemy URL of the users, a SQLite file in the home unless set.
        home: receives the log and the artefacts.
        tracking_uri: the store behind it.
        port: where it listens.

    Raises:
        InputError: when the file of roles cannot be read.
        ProblemsError: naming everything that is wrong in it.
    """
    # One worker and no job executor: 2 processes of 450 MB together instead of 15 of 1.4 GB.
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1"]
    command += ["--default-artifact-root", str(home / "mlruns")]
    own = {
        **environment,
        # Not an argument: those are shown to everybody on the machine, with the password in it.
        "MLFLOW_BACKEND_STORE_URI": with_patience(tracking_uri),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        # No telemetry is sent, whatever the environment says.
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    # MLflow's own list has patterns such as `10.*`, which a registered name may match too.
    own.setdefault("MLFLOW_SERVER_ALLOWED_HOSTS", ",".join(sorted(own_addresses(port))))
    users = None
    if environment.get(ROLES_VARIABLE):
        read_roles(Path(environment[ROLES_VARIABLE]))
        command += ["--app-name", "basic-auth"]
        users = with_patience(environment.get(USERS_VARIABLE, sqlite_url(home / "mlflow-users.db")))
        own["MLFLOW_AUTH_CONFIG_PATH"] = str(_write_configuration(home / "mlflow-auth.ini", users))
    make_server_files(tracking_uri, users, own)
    return Service(
        name="MLflow",
        command=command,
        environment=own,
        health=f"http://127.0.0.1:{port}/health",
        log=home / "logs/mlflow.log",
    )


def _write_configuration(path: Path, users: str) -> Path:
    """Grant everybody to read and write; the auth plugin refuses what a role may not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    path.chmod(0o600)  # the address may hold a password; of an earlier version it was readable
    path.write_text(
        "[mlflow]\n"
        "default_permission = EDIT\n"
        # In this format a percent sign begins a name.
        f"database_uri = {users.replace('%', '%%')}\n"
        "admin_username = admin\n"
        "authorization_function = infra.tracking.auth_plugin:authorize\n"
        # Else the slow hash of the password is made at every call; a changed one holds after that.
        "auth_cache_ttl_seconds = 30\n",
        encoding="utf-8",
    )
    return path
