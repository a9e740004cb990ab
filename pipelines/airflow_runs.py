"""Runs a DAG with Airflow's own task runner in a process of its own, and relays what it says."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping

from expectations.contract import OvernightError
from infra.airflow.environment import build_airflow_environment
from pipelines.settings import DAGS, Settings

OURS = re.compile(r"\] (.*?) +\[(?:pipelines|feature_jobs|training|expectations|infra)\.\w")


def airflow_environment(settings: Settings) -> dict[str, str]:
    """The environment of every Airflow process of this installation."""
    return build_airflow_environment(
        os.environ, home=settings.airflow_home, dags=DAGS, port=settings.ports.airflow
    )


def prepare_airflow(settings: Settings) -> None:
    """Create or migrate Airflow's database, once for each Airflow release."""
    from importlib.metadata import version

    done = settings.airflow_home / f"migrated-{version('apache-airflow')}"
    if done.exists():
        return
    settings.airflow_home.mkdir(parents=True, exist_ok=True)
    finished = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=airflow_environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise OvernightError(
            f"Airflow could not set up its database:\n{finished.stdout[-2000:]}"
            f"{finished.stderr[-2000:]}"
        )
    done.touch()


def test_dag(dag: str, form: Mapping[str, str], *, settings: Settings) -> Iterator[str]:
    """Run every task of a DAG, as `airflow dags test` does.

    Yields:
        The lines that our own steps log.

    Raises:
        OvernightError: when the run did not succeed, with the end of its log.
    """
    command = [sys.executable, "-m", "airflow", "dags", "test", dag, "--conf", json.dumps(form)]
    log = settings.home / f"logs/{dag}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        subprocess.Popen(  # noqa: S603 -- our own command, no shell
            command,
            env=airflow_environment(settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as run,
        log.open("w", encoding="utf-8") as kept,
    ):
        for line in run.stdout or ():
            kept.write(line)
            yield from _ours(line)
    if run.returncode:
        tail = log.read_text(encoding="utf-8").splitlines()[-25:]
        raise OvernightError(f"{dag} failed; the end of {log}:\n" + "\n".join(tail))


def _ours(line: str) -> list[str]:
    """The message of a log line of our own rooms, `time [level] message [logger] …`."""
    said = OURS.search(line)
    return [] if said is None else [said[1]]
