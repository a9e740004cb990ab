"""Nights of the past through `airflow backfill create`: each gives what it gave on its own.

`OVERNIGHT_BACKFILL_NIGHTS` says how many; `make test-backfill` runs a month.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import pairwise

import psycopg
import pytest

from tests.e2e.services import wait_until
from tests.production import debit
from tests.production.given import Given
from tests.production.rig import Rig

DAG = f"{debit.SPEC}_nightly"
RUNS = f"dag_id = '{DAG}' AND run_type = 'backfill'"
NIGHTS = debit.name_nights(int(os.environ.get("OVERNIGHT_BACKFILL_NIGHTS", "2")))
# A month on a busy machine; what hangs is found by the wait below.
pytestmark = pytest.mark.timeout(600 + 600 * (len(NIGHTS) + 1))


@dataclass(frozen=True, slots=True)
class Step:
    """What Airflow's database holds of one step of one run."""

    run: str
    name: str
    state: str
    start: datetime
    end: datetime
    returned: str | None


@dataclass(frozen=True, slots=True)
class Nights:
    """What the nights left in Airflow's database, and what they gave together and alone."""

    states: Mapping[str, str]
    steps: tuple[Step, ...]
    backfilled: Mapping[str, Given]
    alone: Mapping[str, Given]


def select(rig: Rig, query: str) -> list[tuple]:
    """Rows of Airflow's database."""
    with psycopg.connect(rig.database.url("airflow", "airflow")) as open_:
        return open_.execute(query).fetchall()


def backfill(rig: Rig, nights: Sequence[str], *options: str) -> None:
    """`airflow backfill create`, from the first night through the last, once none is open."""
    unfinished = "SELECT count(*) FROM backfill WHERE completed_at IS NULL"
    wait_until(lambda: select(rig, unfinished) == [(0,)], 120)
    last = f"{nights[-1]}T23:59"
    command = ["--dag-id", DAG, "--from-date", nights[0], "--to-date", last, *options]
    ran = subprocess.run(
        [sys.executable, "-m", "airflow", "backfill", "create", *command],
        env=rig.airflow_environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


def wait_for_backfill(rig: Rig, is_well: Callable[[], bool] = lambda: True) -> None:
    """Until the newest one is over, each run within ten minutes; stops when all is not well."""
    counted = f"SELECT state, count(*) FROM dag_run WHERE {RUNS} GROUP BY state"

    def has(ended: int) -> bool:
        found = dict(select(rig, counted))
        assert "failed" not in found
        assert is_well()
        return found.get("success", 0) >= ended

    for number in range(1, len(NIGHTS) + 1):
        wait_until(partial(has, number), 600)


def read_steps(rig: Rig) -> tuple[Step, ...]:
    """Every step of every run of the backfill."""
    found = select(
        rig,
        "SELECT run_id, task_id, t.state, t.start_date, t.end_date, x.value #>> '{}' "
        "FROM task_instance t JOIN dag_run USING (dag_id, run_id) LEFT JOIN "
        "(SELECT dag_id, run_id, task_id, value FROM xcom WHERE key = 'return_value') x "
        f"USING (dag_id, run_id, task_id) WHERE {RUNS} ORDER BY run_id, task_id",
    )
    return tuple(Step(*row) for row in found)


def as_of(run: str) -> str:
    """The night that a run is for, by its name."""
    return run.removeprefix("backfill__")[:10]


def describe(rig: Rig, steps: tuple[Step, ...]) -> dict[str, Given]:
    """What the nights of the backfill gave."""
    returned: dict[str, dict[str, str]] = {night: {} for night in NIGHTS}
    for step in steps:
        if step.returned is not None:
            returned[as_of(step.run)][step.name] = step.returned
    ran = subprocess.run(
        [sys.executable, "-m", "tests.production.given", debit.SPEC],
        env=rig.airflow_environment, input=json.dumps(returned), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def nights(rig: Rig, make_installation, record_testsuite_property) -> Nights:
    """The nights through Airflow, two of which may run at once; and meanwhile alone."""
    source = rig.installation.home / debit.SPEC
    debit.deliver(source)
    other = make_installation("alone", OVERNIGHT_SPECS=rig.airflow_environment["OVERNIGHT_SPECS"])
    command = [sys.executable, "-m", "tests.production.debit", str(source), str(len(NIGHTS))]
    with (other.home / "log").open("w+b") as log:
        alone = subprocess.Popen(command, env=other.environment, stdout=subprocess.PIPE, stderr=log)
        try:
            _leave_out_the_night_that_is_due(rig)
            began = time.monotonic()
            backfill(rig, NIGHTS, "--max-active-runs", "2")
            wait_for_backfill(rig, lambda: alone.poll() in {None, 0})
            record_testsuite_property("seconds of the backfill", time.monotonic() - began)
            written, _ = alone.communicate()
            assert alone.returncode == 0
        except AssertionError:
            sys.stderr.write((other.home / "log").read_text())
            raise
        finally:
            alone.kill()
    states = select(rig, f"SELECT run_id, state FROM dag_run WHERE {RUNS}")
    steps = read_steps(rig)
    return Nights(dict(states), steps, describe(rig, steps), json.loads(written.splitlines()[-1]))


def _leave_out_the_night_that_is_due(rig: Rig) -> None:
    """Let the DAG run; of the present day nothing was delivered."""
    airflow = rig.airflow("olga")
    airflow.call(f"dags/{DAG}", {"is_paused": False}, method="PATCH")
    wait_until(lambda: airflow.runs(DAG), 60)
    (run,) = airflow.runs(DAG)
    address = f"dags/{DAG}/dagRuns/{run['dag_run_id']}"
    airflow.call(address, {"state": "success"}, method="PATCH")


def test_every_night_has_a_run_that_succeeds(nights: Nights) -> None:
    assert sorted(as_of(run) for run in nights.states) == NIGHTS
    assert set(nights.states.values()) == {"success"}
    assert {step.state for step in nights.steps} == {"success"}


def test_nights_never_overlap_and_go_in_order_of_days(nights: Nights) -> None:
    work = [step for step in nights.steps if step.name != "turn"]
    spans = {
        run: (min(s.start for s in own), max(s.end for s in own))
        for run in nights.states
        if (own := [s for s in work if s.run == run])
    }
    ordered = sorted(spans, key=spans.__getitem__)
    assert [as_of(run) for run in ordered] == NIGHTS
    for before, after in pairwise(ordered):
        assert spans[before][1] <= spans[after][0]


def test_a_backfill_gives_what_each_night_gave_alone(nights: Nights) -> None:
    assert list(nights.alone) == NIGHTS
    for night in NIGHTS:
        assert nights.backfilled[night] == nights.alone[night]
    models = [given["model"] for given in nights.alone.values()]
    assert len(set(models)) == len(NIGHTS)


@pytest.mark.skipif(len(NIGHTS) < debit.MONTH, reason="one night more; make test-backfill")
def test_a_night_that_ran_is_run_again_when_asked_and_gives_the_same(
    rig: Rig, nights: Nights
) -> None:
    reason = (
        "SELECT exception_reason FROM backfill_dag_run "
        "WHERE backfill_id = (SELECT max(id) FROM backfill)"
    )
    backfill(rig, NIGHTS)
    assert select(rig, reason) == [("already exists",)] * len(NIGHTS)
    assert read_steps(rig) == nights.steps
    again = NIGHTS[1]
    backfill(rig, [again], "--reprocess-behavior", "completed")
    wait_for_backfill(rig)
    assert select(rig, reason) == [(None,)]
    steps = read_steps(rig)
    changed = {as_of(step.run) for step in {*steps} - {*nights.steps}}
    assert changed == {again}
    assert describe(rig, steps) == nights.backfilled
    with psycopg.connect(rig.database.url("mlflow", "mlflow")) as mlflow:
        versions = mlflow.execute(
            f"SELECT count(*) FROM model_versions WHERE name = '{debit.SPEC}'"
        )
        assert versions.fetchone() == (len(NIGHTS),)
