"""What a task's log says, and what Airflow does next, when a step fails: real runs of a DAG."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.airflow.environment import build_airflow_environment
from tests.pipelines.nights import SPEC

# A DAG with the defaults of all our DAGs, whose tasks fail in one way each.
PROGRAM = '''
import json
from airflow.sdk import DAG
from dags.tasks import step_task
from dags.defaults import dag_defaults
from expectations.contract import (
    InputError, OutcomeError, OvernightError, ProblemsError, UndeclaredError,
)
from pipelines.config.spec import load_spec

FAILURES = {
    "mistake": InputError("No file x.parquet. Deliver it."),
    "mistakes": ProblemsError("x.toml", ["first", "second"]),
    "outcome": OutcomeError("It ended ROLLED_BACK."),
    "outage": OvernightError("MLflow does not answer."),
    "undeclared": UndeclaredError("cards declares no labels."),
    "fault": ValueError("too many values to unpack"),
    "connection": ConnectionError("refused"),
}

def fail(kind: str) -> str:
    """Fail.

    In this way.
    """
    raise FAILURES[kind]

with DAG(**dag_defaults(load_spec("cards"), "deploy"), schedule=None) as dag:
    for kind in FAILURES:
        failing = step_task(fail, task_id=kind)(kind)
        if kind == "undeclared":
            failing >> step_task(fail, task_id="behind")("fault")
if __name__ == "__main__":
    run = dag.test()
    found = {ti.task_id: [str(ti.state), ti.try_number] for ti in run.get_task_instances()}
    print("ENDED", json.dumps(found))
'''


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> "Ended":
    """The name of a task to what its log says, and its state with the number of tries."""
    home = tmp_path_factory.mktemp("airflow")
    text = f'{SPEC}\n[schedule]\nretries = 1\nretry_delay = "0s"\n'
    (home / "cards.toml").write_text(text)
    base = os.environ | {"OVERNIGHT_HOME": str(home), "OVERNIGHT_SPECS": str(home)}
    base.pop("OVERNIGHT_NOTIFIERS", None)
    file = home / "dags/failing.py"
    file.parent.mkdir()
    file.write_text(PROGRAM)
    environment = build_airflow_environment(base, home=home, dags=file.parent, port=1)
    environment["PYTHONPATH"] = f"{Path(__file__).parents[2]}:{environment['PYTHONPATH']}"
    said = ""
    for command in (["-m", "airflow", "db", "migrate"], [str(file)]):
        ran = subprocess.run(
            [sys.executable, *command],
            env=environment, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        said = ran.stdout + ran.stderr
        assert ran.returncode == 0, said
    log, _, states = said.partition("ENDED ")
    parts = [part.partition(" ") for part in log.split("starting task_id=")[1:]]

    def of(task: str) -> tuple[str, list[object]]:
        told = [part for name, _, part in parts if name == task]
        return "\n".join(told), json.loads(states.splitlines()[0])[task]

    return of


Ended = Callable[[str], tuple[str, list[object]]]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("mistake", ["No file x.parquet. Deliver it."]),
        ("mistakes", ["2 problems in x.toml", "- first", "- second"]),
        ("outcome", ["It ended ROLLED_BACK."]),
    ],
)
def test_a_mistake_is_its_paragraph_without_a_traceback_and_is_not_tried_again(
    ended: Ended, kind: str, said: list[str]
) -> None:
    log, state = ended(kind)
    assert all(line in log for line in said)
    assert "Traceback" not in log
    assert "File " not in log
    assert state == ["failed", 1]


def test_an_outage_is_its_paragraph_and_is_tried_again(ended: Ended) -> None:
    log, state = ended("outage")
    assert log.count("MLflow does not answer.") == 2
    assert "Traceback" not in log
    assert state == ["failed", 2]


def test_a_fault_of_the_program_shows_where_and_is_not_tried_again(ended: Ended) -> None:
    log, state = ended("fault")
    assert "too many values to unpack" in log
    assert "Traceback" in log
    assert state == ["failed", 1]


def test_any_other_error_shows_where_and_is_tried_again(ended: Ended) -> None:
    log, state = ended("connection")
    assert "Traceback" in log
    assert state == ["failed", 2]


def test_what_the_spec_does_not_declare_yet_skips_its_step_and_those_behind(ended: Ended) -> None:
    log, state = ended("undeclared")
    assert "cards declares no labels." in log
    assert "Traceback" not in log
    # Airflow counts no try of a task that raised to be skipped beyond its first.
    assert state == ["skipped", 1]
    assert ended("behind")[1][0] == "skipped"
