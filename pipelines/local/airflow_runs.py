"""Runs a DAG with Airflow's own task runner in a separate process, and relays its log."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version

from expectations.contract import OvernightError, hide_passwords
from infra.airflow import POOLS
from infra.files import make_whole
from pipelines.config.installation import Settings, airflow_environment

CONNECTION = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
OURS = re.compile(r"\] (.*?) +\[(?:pipelines|feature_jobs|training|expectations|infra)\.\w")


def prepare_airflow(settings: Settings) -> None:
    """Create or migrate Airflow's database and make the pools that are missing.

    Once for each database, Airflow release and file of pools. A pool that somebody resized stays as
    it is.
    """
    environment = airflow_environment(settings)
    address = environment[CONNECTION]
    database = hide_passwords(address)
    pools = POOLS.read_text(encoding="utf-8")
    digest = hashlib.sha256(f"{database} {pools}".encode()).hexdigest()[:12]
    done = settings.airflow_home / f"prepared-{version('apache-airflow')}-{digest}"
    if done.exists():
        return
    settings.airflow_home.mkdir(parents=True, exist_ok=True)

    def migrate(url: str) -> None:
        _airflow(["db", "migrate"], {**environment, CONNECTION: url})

    if not make_whole(address, migrate):
        migrate(address)
    for name, pool in json.loads(pools).items():
        if not _has_pool(name, environment):
            _airflow(["pools", "set", name, str(pool["slots"]), pool["description"]], environment)
    done.touch()


def _has_pool(name: str, environment: Mapping[str, str]) -> bool:
    command = ["pools", "get", name]
    asked = _run(command, environment)
    if asked.returncode and "does not exist" not in asked.stderr:
        raise _failure(command, asked)
    return not asked.returncode


def _airflow(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run a command of Airflow's that has to succeed."""
    finished = _run(command, environment)
    if finished.returncode:
        raise _failure(command, finished)


def _run(
    command: Sequence[str], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 -- our own command, no shell
        [sys.executable, "-m", "airflow", *command],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )


def _failure(command: Sequence[str], finished: subprocess.CompletedProcess[str]) -> OvernightError:
    return OvernightError(
        f'"airflow {" ".join(command)}" failed:\n{finished.stdout[-2000:]}{finished.stderr[-2000:]}'
    )


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
    """Extract the message of a log line of our own packages, `time [level] message [logger] …`."""
    said = OURS.search(line)
    return [] if said is None else [said[1]]
