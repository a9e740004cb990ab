"""Nights in production: told of, killed, approved, deployed; nobody sits at a command line."""

import os
import signal
import time

import pytest

from dags.assets import POLL_SECONDS
from tests.e2e.services import wait_until
from tests.production.rig import Rig

MANUAL, BACKFILLED = "2025-03-11", "2025-03-12"
ENDED = {"success", "failed"}


def steps_of(rig: Rig, dag: str, run: str) -> dict[str, dict]:
    """Step to what Airflow knows of its last try."""
    found = rig.airflow("vera").call(f"dags/{dag}/dagRuns/{run}/taskInstances")
    return {each["task_id"]: each for each in found["task_instances"]}


def subjects(rig: Rig) -> list[str]:
    """Of the mails that came, oldest first."""
    return [message["subject"] for message in rig.mailbox.messages]


def kill_in_mid_step(rig: Rig, dag: str, run: str, step: str) -> None:
    """SIGKILL to the process of a step, once its work has begun."""
    wait_until(lambda: steps_of(rig, dag, run)[step]["state"] == "running", 180)
    pid = 0

    def is_known() -> bool:
        nonlocal pid
        pid = int(steps_of(rig, dag, run)[step]["pid"] or 0)
        return bool(pid)

    wait_until(is_known, 30)
    time.sleep(2)
    os.kill(pid, signal.SIGKILL)


def test_a_scheduled_night_that_fails_tells_people_what_to_mend(rig: Rig) -> None:
    # Nothing was delivered for a year: the night that is due when the DAG is let run says so.
    airflow = rig.airflow("olga")
    airflow.call("dags/cards_nightly", {"is_paused": False}, method="PATCH")
    wait_until(lambda: [r["state"] for r in airflow.runs("cards_nightly")] == ["failed"], 300)
    (run,) = airflow.runs("cards_nightly")
    assert run["run_type"] == "scheduled"
    assert steps_of(rig, "cards_nightly", run["dag_run_id"])["validate"]["try_number"] == 1
    (message,) = [each for each in rig.mailbox.messages if "failed" in each["subject"]]
    assert message["to"] == "duty@bank.example"
    as_of = run["run_after"][:10]
    assert message["subject"] == f"cards_nightly as of {as_of}: validate failed"
    text = message.get_body().get_content()
    for said in ("spec   cards", "/dags/cards_nightly/runs/", "in the spec", "was not tried again"):
        assert said in text
    assert set(rig.mailbox.logins) == {("overnight", rig.planted["mail"])}
    late = f"cards_nightly as of {as_of}: the night is late"
    wait_until(lambda: late in subjects(rig), 120)


def test_a_killed_step_is_tried_again_and_the_night_ends_well(rig: Rig) -> None:
    airflow = rig.airflow("olga")
    airflow.trigger("cards_nightly", {"as_of": MANUAL})
    run = airflow.runs("cards_nightly")[-1]
    kill_in_mid_step(rig, "cards_nightly", run["dag_run_id"], "build_features")
    wait_until(lambda: airflow.runs("cards_nightly")[-1]["state"] in ENDED, 600)
    steps = steps_of(rig, "cards_nightly", run["dag_run_id"])
    tries = {name: each["try_number"] for name, each in steps.items()}
    assert tries["build_features"] == 2
    assert {count for name, count in tries.items() if name != "build_features"} == {1}
    assert rig.mlflow("alice").aliases("cards") == {"challenger": 1}
    assert "olga (Airflow)" in rig.overnight("review", "cards", "1")


def test_an_author_may_not_approve_and_a_reviewers_approval_is_deployed_by_itself(
    rig: Rig, record_testsuite_property
) -> None:
    with pytest.raises(AssertionError, match="403 alice: only a reviewer may move the alias"):
        rig.mlflow("alice").set_alias("cards", "approved", 1)
    airflow = rig.airflow("vera")
    assert airflow.runs("cards_deploy") == []
    # Who made it may not, says the deploy run: MLflow does not know that she did.
    rig.mlflow("olga").set_alias("cards", "approved", 1)
    airflow.wait("cards_deploy")
    assert rig.mlflow("alice").aliases("cards") == {"challenger": 1}
    time.sleep(2 * POLL_SECONDS)  # so that the watcher sees that it was taken back
    rig.mlflow("rita").set_alias("cards", "approved", 1)
    approved = time.monotonic()
    wait_until(lambda: len(airflow.runs("cards_deploy")) == 2, 300)
    record_testsuite_property("seconds until the deployment began", time.monotonic() - approved)
    run = airflow.wait("cards_deploy", count=2)[-1]
    record_testsuite_property("seconds until the champion served", time.monotonic() - approved)
    assert run["run_type"] == "asset_triggered"
    assert rig.mlflow("alice").aliases("cards") == dict.fromkeys(
        ("challenger", "approved", "champion"), 1
    )
    chain = rig.overnight("decisions", "cards")
    assert "olga (MLflow) made it; another person has to approve it" in chain
    assert "rita (MLflow): alias set in the registry" in chain


def test_a_manual_and_a_backfill_run_of_one_spec_do_not_overlap(rig: Rig) -> None:
    airflow = rig.airflow("olga")
    asked = {
        "dag_id": "cards_nightly", "from_date": f"{MANUAL}T00:00:00Z",
        "to_date": f"{BACKFILLED}T12:00:00Z", "dag_run_conf": {},
    }  # fmt: skip
    airflow.call("backfills", asked)
    airflow.trigger("cards_nightly", {"as_of": MANUAL})
    wait_until(
        lambda: [r["state"] in ENDED for r in airflow.runs("cards_nightly")] == [True] * 4, 600
    )
    runs = airflow.runs("cards_nightly")
    backfilled = next(run for run in runs if run["run_type"] == "backfill")
    manual = next(run for run in runs[::-1] if run["run_type"] == "manual")
    spans = []
    for run in (backfilled, manual):
        work = steps_of(rig, "cards_nightly", run["dag_run_id"])
        assert {each["state"] for each in work.values()} == {"success"}
        del work["turn"]
        starts, ends = ([each[key] for each in work.values()] for key in ("start_date", "end_date"))
        spans.append((min(starts), max(ends)))
    (_, ended), (began, _) = sorted(spans)
    assert ended <= began
    # Nights of a backfill wait for each other, and are not late.
    assert not any(BACKFILLED in subject for subject in subjects(rig))
    assert f"as_of: {BACKFILLED}" in rig.overnight("review", "cards", "2")
