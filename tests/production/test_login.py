"""Who may do what on Airflow's pages."""

import pytest

from tests.e2e.services import call
from tests.production.rig import Rig


def test_nobody_gets_in_without_signing_in(rig: Rig) -> None:
    address = f"http://127.0.0.1:{rig.installation.port('AIRFLOW')}"
    with pytest.raises(AssertionError, match=r"^401"):
        call(f"{address}/api/v2/dags")
    with pytest.raises(AssertionError, match=r"^401"):
        call(f"{address}/auth/token", {"username": "olga", "password": "a guess"})


def test_a_viewer_sees_and_may_not_trigger(rig: Rig) -> None:
    viewer = rig.airflow("vera")
    dags = {dag["dag_id"] for dag in viewer.call("dags")["dags"]}
    assert {"cards_nightly", "cards_deploy"} <= dags
    with pytest.raises(AssertionError, match=r"^403"):
        viewer.call("dags/cards_nightly/dagRuns", {"conf": {}, "logical_date": None})
    told = rig.overnight("status", "cards")
    assert "none yet" in next(line for line in told.splitlines() if "DAG run" in line)
    with pytest.raises(AssertionError, match=r"^403"):
        viewer.call("dags/cards_nightly", {"is_paused": False}, method="PATCH")
