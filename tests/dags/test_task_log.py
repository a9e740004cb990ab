"""What the log of a task says, and what Airflow does next, when a step fails: real runs of a DAG."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.airflow.environment import build_airflow_environment

# A DAG with the terms of every DAG of ours, whose only task fails as it is told to.
PROGRAM = '''
import json, logging, sys
from airflow.sdk import DAG
from dags.tasks import step_task
from dags.terms import dag_terms
from expectations.contract import InputError, OutcomeError, OvernightError, ProblemsError
from pipelines.spec import load_spec

FAILURES = {
    "mistake": InputError("No file x.parquet. Deliver it."),
    "mistakes": ProblemsError("x.toml", ["first", "second"]),
    "outcome": OutcomeError("It ended ROLLED_BACK."),
    "outage": OvernightError("MLflow does not answer."),
    "fault": ValueError("too many values to unpack"),
    "connection": ConnectionError("refused"),
}

def fail(kind: str) -> str:
    """Fail.

    In this way.
    """
    raise FAILURES[kind]

with DAG(**dag_terms(load_spec("demo"), "deploy"), schedule=None) as dag:
    step_task(fail)(sys.argv[1])
run = dag.test()
(ti,) = run.get_task_instances()
print("ENDED", json.dumps([str(run.state), str(ti.state)]))
'''


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("airflow")
    base = os.environ | {"OVERNIGHT_HOME": str(home), "COLUMNS": "200"}
    base.pop("OVERNIGHT_NOTIFIERS", None)
    dags = home / "dags"
    dags.mkdir()
    made = build_airflow_environment(base, home=home, dags=dags, port=1)
    made["PYTHONPATH"] = f"{Path(__file__).parents[2]}:{made['PYTHONPATH']}"
    subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=made, check=True, capture_output=True,
    )  # fmt: skip
    return made


def ended(environment: dict[str, str], kind: str) -> tuple[str, list[str]]:
    file = Path(environment["AIRFLOW__CORE__DAGS_FOLDER"]) / f"{kind}.py"
    file.write_text(PROGRAM)
    ran = subprocess.run(
        [sys.executable, str(file), kind],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    log = ran.stdout + ran.stderr
    assert "ENDED" in log, log
    return log, json.loads(log.rpartition("ENDED ")[2].splitlines()[0])


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("mistake", ["No file x.parquet. Deliver it."]),
        ("mistakes", ["2 problems in x.toml", "- first", "- second"]),
        ("outcome", ["It ended ROLLED_BACK."]),
    ],
)
def test_a_mistake_is_its_paragraph_without_a_traceback_and_is_not_tried_again(
    environment: dict[str, str], kind: str, said: list[str]
) -> None:
    log, states = ended(environment, kind)
    assert all(line in log for line in said)
    assert "Traceback" not in log
    assert "File " not in log
    assert states == ["failed", "failed"]


def test_an_outage_is_its_paragraph_and_is_tried_again(environment: dict[str, str]) -> None:
    log, states = ended(environment, "outage")
    assert "MLflow does not answer." in log
    assert "Traceback" not in log
    assert states[1] == "up_for_retry"


def test_a_fault_of_the_program_shows_where_and_is_not_tried_again(
    environment: dict[str, str],
) -> None:
    log, states = ended(environment, "fault")
    assert "Traceback" in log
    assert states == ["failed", "failed"]


def test_any_other_error_shows_where_and_is_tried_again(environment: dict[str, str]) -> None:
    log, states = ended(environment, "connection")
    assert "Traceback" in log
    assert states[1] == "up_for_retry"
