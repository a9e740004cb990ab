"""A reviewer's alias starts the deployment: real scheduler, triggerer, MLflow server, endpoint."""

import pytest

from tests.e2e.conftest import Installation
from tests.e2e.services import Airflow, Mlflow, serving, wait_until

FORM = {"as_of": "2025-03-12"}


@pytest.fixture(scope="module")
def house(make_installation):
    """An installation that serves, with a night behind it."""
    installation: Installation = make_installation("promotion")
    installation.overnight("simulate", "--days", "70", "--customers", "300")
    with serving(installation):
        airflow = Airflow(installation)
        airflow.trigger("demo_nightly", FORM)
        airflow.wait("demo_nightly")
        yield installation, airflow, Mlflow(installation)


def test_an_alias_set_in_mlflow_is_deployed_by_itself_and_once(house) -> None:
    installation, airflow, mlflow = house
    assert mlflow.aliases("demo") == {"challenger": 1}
    assert airflow.runs("demo_deploy") == []
    mlflow.set_alias("demo", "approved", 1)
    (run,) = airflow.wait("demo_deploy")
    assert run["run_type"] == "asset_triggered"
    assert mlflow.aliases("demo") == {"challenger": 1, "approved": 1, "champion": 1}
    # An event that comes twice: the run by hand finds the version serving.
    airflow.trigger("demo_deploy", {})
    airflow.wait("demo_deploy", count=2)
    said = installation.overnight("decisions", "demo")
    kinds = [line.split()[3] for line in said.splitlines()[:-1]]
    assert kinds == ["registration", "approval", "promotion"]
    assert "unknown (MLflow): alias set in the registry" in said


def test_an_alias_without_a_decision_behind_it_goes_back_with_the_next_run(house) -> None:
    installation, airflow, mlflow = house
    installation.overnight(
        "run", "demo?training.trials=1&training.seed=3&gate.margin=0.99", "--as-of", FORM["as_of"]
    )
    mlflow.set_alias("demo", "champion", 2)
    runs = len(airflow.runs("demo_deploy"))
    airflow.trigger("demo_deploy", {})
    airflow.wait("demo_deploy", count=runs + 1)
    wait_until(lambda: mlflow.aliases("demo")["champion"] == 1, 5)
    assert "alias champion was on version 2 and is on version 1" in installation.overnight(
        "decisions", "demo"
    )
