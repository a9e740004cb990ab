"""The environment variables under which Airflow runs on one machine: SQLite, LocalExecutor.

Every value is a default: a variable that is set already (PostgreSQL, another executor) stays.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.files import sqlite_url, with_patience

POOLS = Path(__file__).with_name("pools.json")


def build_airflow_environment(
    base: Mapping[str, str], *, home: Path, dags: Path, port: int
) -> dict[str, str]:
    """Complete an environment for any `airflow` command.

    Args:
        base: the environment to start from; its own AIRFLOW settings win.
        home: AIRFLOW_HOME, with the SQLite database unless a connection is set.
        dags: the folder with the DAG files.
        port: where the API server listens on the loopback address.
    """
    checkout = str(dags.parent)
    path = base.get("PYTHONPATH", "")
    defaults = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(dags / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "true",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        # A step whose start waits for a busy machine is not a step that failed.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30.0",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": with_patience(sqlite_url(home / "airflow.db")),
        # It sets these itself, whatever the umask: logs hold what tasks say.
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
        "AIRFLOW__CORE__DAEMON_UMASK": "0o077",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "PYTHONPATH": f"{checkout}:{path}" if path else checkout,
    }
    # `airflow standalone` starts its parts as `airflow`, found on PATH.
    programs = f"{Path(sys.executable).parent}:{base.get('PATH', os.defpath)}"
    return defaults | dict(base) | {"PYTHONPATH": defaults["PYTHONPATH"], "PATH": programs}
