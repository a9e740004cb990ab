"""Defaults of tasks: which errors are retried, and which are not."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.sdk import RetryAction

from dags.defaults import POOL, RETRY_POLICY, dag_defaults
from dags.tasks import StepFailed, StepRefused
from expectations.contract import InputError, OutcomeError, OvernightError, ProblemsError
from infra.airflow.environment import POOLS
from pipelines.config.spec import ModelSpec, load_spec
from tests.pipelines.nights import SPEC


def scheduled(folder: Path, **keys: object) -> ModelSpec:
    """A spec with a schedule of its own."""
    listed = "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
    (folder / "cards.toml").write_text(f"{SPEC}\n[schedule]\n{listed}")
    return load_spec(str(folder / "cards.toml"))


@pytest.mark.parametrize(
    "error",
    [
        InputError("no such file"), ProblemsError("a.toml", ["x"]), OutcomeError("ROLLED_BACK"),
        StepRefused(InputError("no such file")), ValueError("too many to unpack"), KeyError("a"),
        TypeError("None"), AttributeError("x"), ZeroDivisionError(), RecursionError(),
    ],
)  # fmt: skip
def test_what_trying_again_cannot_change_fails_at_once(error: Exception) -> None:
    assert RETRY_POLICY.evaluate(error, 1, 3).action is RetryAction.FAIL


@pytest.mark.parametrize(
    "error",
    [
        OvernightError("MLflow is down"), StepFailed(OvernightError("MLflow is down")),
        ConnectionError(),
        TimeoutError(), OSError("full"), json.JSONDecodeError("cut short", "{", 1), SystemExit(137),
    ],
)  # fmt: skip
def test_anything_else_is_tried_again(error: Exception) -> None:
    assert RETRY_POLICY.evaluate(error, 1, 3).action is RetryAction.DEFAULT


def test_the_spec_says_how_often_and_how_long(tmp_path: Path) -> None:
    spec = scheduled(tmp_path, retries=5, retry_delay="10s", timeout="30m")
    steps = dag_defaults(spec, "nightly")["default_args"]
    assert steps["retries"] == 5
    assert steps["retry_delay"] == timedelta(seconds=10)
    assert steps["execution_timeout"] == timedelta(minutes=30)


def test_nights_share_a_pool_that_is_made_and_a_deployment_waits_for_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OVERNIGHT_DEPLOY_QUEUE", "deploy")
    nightly, deploy = (
        dag_defaults(load_spec("demo"), kind)["default_args"] for kind in ("nightly", "deploy")
    )
    assert nightly["pool"] == POOL
    assert list(json.loads(POOLS.read_text())) == [POOL]
    assert "pool" not in deploy
    assert (nightly.get("queue"), deploy["queue"]) == (None, "deploy")


def test_a_night_that_is_late_is_told_only_where_the_spec_says_what_late_is(
    tmp_path: Path,
) -> None:
    spec = scheduled(tmp_path, deadline="4h")
    assert "deadline" not in dag_defaults(load_spec("demo"), "nightly")
    late = dag_defaults(spec, "nightly")["deadline"]
    assert late.interval == timedelta(hours=4)
    assert "deadline" not in dag_defaults(spec, "deploy")
