"""SQLite files of services: really killed while they are made, and made whole by the next."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.files.sqlite import find_path, make_whole, with_patience

ROOT = Path(__file__).parents[3]
# What makes each file, as a process of its own: a signal ends it with what it started.
MAKERS = {
    "mlflow.db": "from infra.tracking.database import make_tracking; make_tracking({url!r})",
    "mlflow-server.db": (
        "import os; from infra.tracking.database import make_server_files; "
        "make_server_files({url!r}, None, os.environ)"
    ),
    "mlflow-users.db": (
        "import os; from infra.tracking.database import make_server_files; "
        "make_server_files('sqlite://', {url!r}, os.environ)"
    ),
    "studies.db": (
        "from infra.files.sqlite import make_whole; "
        "from training.search.study import make_database; "
        "make_whole({url!r}, make_database)"
    ),
    "airflow/airflow.db": (
        "from pipelines.local.airflow_runs import prepare_airflow; "
        "from pipelines.config.installation.settings import load_settings; "
        "prepare_airflow(load_settings())"
    ),
}
# A table of each that its last migration, or the last of its metadata, leaves.
LAST = {
    "mlflow.db": "registered_models",
    "mlflow-server.db": "registered_models",
    "mlflow-users.db": "users",
    "studies.db": "trials",
    "airflow/airflow.db": "slot_pool",
}
# Bytes of the file at which the process is killed: at its first, and further on.
POINTS = {
    "mlflow.db": (1, 100_000, 300_000),
    "mlflow-server.db": (200_000,),
    "mlflow-users.db": (1, 60_000),
    "studies.db": (1, 60_000),
    "airflow/airflow.db": (1, 200_000),
}


def start(name: str, home: Path) -> subprocess.Popen[bytes]:
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    code = MAKERS[name].format(url=f"sqlite:///{home / name}")
    environment = {**os.environ, "OVERNIGHT_HOME": str(home), "PYTHONPATH": str(ROOT)}
    for set_elsewhere in ("AIRFLOW_HOME", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"):
        environment.pop(set_elsewhere, None)
    return subprocess.Popen(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def kill_at(process: subprocess.Popen[bytes], home: Path, name: str, size: int) -> bool:
    """Kill a process when the file, wherever it is made, has so many bytes; False: it ended."""
    file, deadline = Path(name).name, time.monotonic() + 240
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            if sum(path.stat().st_size for path in home.rglob(file) if path.is_file()) >= size:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                return True
        time.sleep(0.001)
    return False


@pytest.mark.parametrize("name", MAKERS)
def test_a_file_whose_maker_was_killed_is_made_whole_by_the_next(name: str, tmp_path: Path) -> None:
    killed = 0
    for size in POINTS[name]:
        killed += kill_at(start(name, tmp_path), tmp_path, name, size)
        path = tmp_path / name
        if path.exists():  # killed after it was whole: start over
            assert tables(path) >= {LAST[name]}
            path.unlink()
    assert killed
    process = start(name, tmp_path)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said.decode()
    assert LAST[name] in tables(tmp_path / name)
    assert not list(tmp_path.rglob("*.making"))
    assert (tmp_path / name).stat().st_mode & 0o077 == 0


def tables(path: Path) -> set[str]:
    with sqlite3.connect(path) as held:
        assert held.execute("pragma integrity_check").fetchall() == [("ok",)]
        return {name for (name,) in held.execute("select name from sqlite_master")}


def test_what_is_there_is_left_and_what_is_no_file_is_its_operators(tmp_path: Path) -> None:
    (tmp_path / "held.db").write_bytes(b"held")
    made: list[str] = []
    for url in (f"sqlite:///{tmp_path}/held.db", "postgresql://db/mlflow", "sqlite://"):
        assert not make_whole(url, made.append)
    assert made == []


def test_patience_is_for_files_and_given_once() -> None:
    url = with_patience("sqlite:////home/o/mlflow.db")
    assert url == "sqlite:////home/o/mlflow.db?timeout=30"
    assert with_patience(url) == url
    assert with_patience("sqlite:///a.db?mode=rw") == "sqlite:///a.db?mode=rw&timeout=30"
    for other in ("postgresql://db/x", "https://mlflow", "sqlite:///a.db?timeout=3", "sqlite://"):
        assert with_patience(other) == other
    assert find_path(url) == Path("/home/o/mlflow.db")
