"""From a night to a champion with nobody at the command line: reviewers in Airflow and in MLflow.

Real scheduler, triggerer, MLflow server and endpoint; Airflow's pages in a real browser.
"""

import contextlib
import urllib.error
import urllib.request

import pytest

from pipelines.config.spec import SPECS
from tests.e2e.airflow_pages import AirflowPages
from tests.e2e.browser import open_browser
from tests.e2e.conftest import Installation
from tests.e2e.services import Airflow, Mlflow, serving, wait_until
from tests.modes import wide

AS_OF = "2025-03-12"


@pytest.fixture(scope="module")
def rig(make_installation, tmp_path_factory: pytest.TempPathFactory):
    """An installation that serves, with a night of the spec `cards` behind it."""
    specs = tmp_path_factory.mktemp("specs")
    declared = (
        (SPECS / "demo.toml").read_text(encoding="utf-8").replace("trials = 12", "trials = 4")
    )
    # Fewer trials lose to the logistic regression on so few customers, and the gate says so.
    asked = '[approval]\nwhere = "airflow"\n'
    (specs / "cards.toml").write_text(f'name = "cards"\n{declared}\n{asked}', encoding="utf-8")
    installation: Installation = make_installation("promotion", OVERNIGHT_SPECS=str(specs))
    installation.overnight("simulate", "--days", "70", "--customers", "300")
    with serving(installation), open_browser() as browser:
        airflow, pages = Airflow(installation), AirflowPages(browser, installation)
        pages.trigger("cards_nightly", as_of=AS_OF)
        airflow.wait("cards_nightly")
        yield installation, airflow, Mlflow(installation), pages


def decided(installation: Installation) -> list[str]:
    """The kinds of all records, oldest first."""
    return [
        line.split()[3] for line in installation.overnight("decisions", "cards").splitlines()[:-1]
    ]


def test_a_bad_form_is_refused_and_the_night_is_told(rig) -> None:
    installation, airflow, *_ = rig
    with pytest.raises(AssertionError, match=r"400 .*0 is less than the minimum of 1"):
        airflow.trigger("cards_nightly", {"as_of": AS_OF, "trials": 0})
    assert len(airflow.runs("cards_nightly")) == 1
    told = {
        line[2:17].strip(): line for line in installation.overnight("status", "cards").splitlines()
    }
    assert f"as of {AS_OF}, runs:/" in told["last night"]
    assert told["its DAG run"].split()[3] == "success,"
    assert "(Airflow)" in installation.overnight("review", "cards", "1")


def test_no_port_answers_a_page_of_another_site(rig) -> None:
    installation, *_ = rig
    asked = {
        "AIRFLOW": "/api/v2/version",
        "MLFLOW": "/ajax-api/2.0/mlflow/experiments/get?experiment_id=0",
        "SAGEMAKER": "/health", "AWS": "/moto-api/data.json", "DOCS": "/",
    }  # fmt: skip
    for name, path in asked.items():
        address = f"http://127.0.0.1:{installation.port(name)}{path}"
        with urllib.request.urlopen(address) as answer:
            assert answer.status == 200, name
        foreign = urllib.request.Request(address, headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(foreign)
        with refused.value:
            assert refused.value.code == 403, name


def test_an_answer_in_airflow_is_deployed_by_itself(rig) -> None:
    installation, airflow, mlflow, pages = rig
    assert mlflow.aliases("cards") == {"challenger": 1}
    assert airflow.runs("cards_deploy") == []
    wait_until(lambda: airflow.runs("cards_review"), 60)
    (asked,) = airflow.runs("cards_review")
    question = f"dags/cards_review/dagRuns/{asked['dag_run_id']}/taskInstances/ask/-1/hitlDetails"

    def is_asked() -> bool:
        with contextlib.suppress(AssertionError):
            return bool(airflow.call(question)["options"])
        return False

    wait_until(is_asked, 120)
    subject = "Approve models:/cards/1 of cards?"
    told = pages.answer(subject, "approve", because="best of the month").splitlines()
    assert "  gate: accepted" in told
    airflow.wait("cards_review")
    (run,) = airflow.wait("cards_deploy")
    assert run["run_type"] == "asset_triggered"
    assert mlflow.aliases("cards") == {"challenger": 1, "approved": 1, "champion": 1}
    assert decided(installation) == ["registration", "approval", "promotion"]
    assert "(Airflow): best of the month" in installation.overnight("decisions", "cards")


def test_an_alias_set_in_mlflow_is_deployed_by_itself_and_once(rig) -> None:
    installation, airflow, mlflow, _ = rig
    changed = "cards?training.lightgbm.members=1&gate.margin=0.99"
    installation.overnight("run", changed, "--as-of", AS_OF, "--register")
    mlflow.set_alias("cards", "approved", 2)
    airflow.wait("cards_deploy", count=2)
    assert mlflow.aliases("cards") == {"challenger": 2, "approved": 2, "champion": 2}
    # An event that comes twice, and an alias that no decision moved.
    mlflow.set_alias("cards", "champion", 1)
    airflow.trigger("cards_deploy", {})
    airflow.wait("cards_deploy", count=3)
    assert mlflow.aliases("cards")["champion"] == 2
    assert decided(installation)[3:] == ["registration", "approval", "promotion", "restoration"]
    text = installation.overnight("decisions", "cards")
    assert "unknown (MLflow): alias set in the registry" in text
    assert "alias champion was on version 1 and is on version 2" in text


def test_a_dry_run_and_a_run_with_nothing_to_do_are_green_and_change_nothing(rig) -> None:
    installation, airflow, mlflow, pages = rig
    before, aliases = decided(installation), mlflow.aliases("cards")
    ran = len(airflow.runs("cards_deploy"))
    airflow.trigger("cards_deploy", {"dry_run": True})
    airflow.wait("cards_deploy", count=ran + 1)
    pages.trigger("cards_deploy")
    airflow.wait("cards_deploy", count=ran + 2)
    assert decided(installation) == before
    assert mlflow.aliases("cards") == aliases


def test_nobody_else_can_read_what_the_services_wrote(rig) -> None:
    """Airflow's settings, passwords and logs, MLflow's files, the emulator's state."""
    home = rig[0].home
    assert list(wide(home)) == []
    assert {"airflow.cfg", "airflow.db"} <= {path.name for path in (home / "airflow").iterdir()}
