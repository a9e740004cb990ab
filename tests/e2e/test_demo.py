"""The main job on a small simulation: real Airflow, Spark, MLflow, SageMaker's protocol."""

import json
import re
import socket
import sqlite3
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, ROOT, output_of, shape
from tests.e2e.conftest import Installation
from tests.modes import wide

SIZE = ("--days", "70", "--customers", "300")


@pytest.fixture(scope="module")
def demo(make_installation) -> tuple[Installation, str]:
    installation = make_installation("demo")
    return installation, installation.overnight("demo", *SIZE)


def test_the_demo_ends_with_its_summary(demo) -> None:
    installation, text = demo
    for line in (
        r"1/6  Simulate", r"2/6  Airflow runs demo_nightly as of 2025-03-12",
        r" +Ingested transactions@v1 and labels@v1: [\d,]+ rows read, [\d,]+ kept",
        r" +Built features@v1 .*", r" +Registered models:/demo/1 .*",
        r" +models:/demo/1 has the alias approved", r"4/6  Airflow runs demo_deploy",
        r" +Deployed \w{12} to demo: PROMOTED", r" +average precision 0\.\d{3} on the test week",
        r" +Data Docs +http://127.0.0.1:\d+/demo/",
        r" +card precision@20 0\.\d{3} .*", r" +MLflow page +http://127.0.0.1:\d+/.*",
        r" +Airflow page +http://127.0.0.1:\d+/dags/demo_nightly", r"Done in \d+ s\.",
    ):  # fmt: skip
        assert re.search(f"^{line}", text, re.M), (line, text)
    scored = re.findall(r"^ +\d+ +(0\.\d{6}) (pass|alert) +alert_rate", text, re.M)
    assert len(scored) == 5
    for name in ("AIRFLOW", "MLFLOW", "SAGEMAKER", "AWS"):
        with socket.socket() as probe:  # nothing was left behind
            assert probe.connect_ex(("127.0.0.1", installation.port(name))) != 0


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "demo.md"])
def test_the_pages_show_the_shape_of_what_is_printed(demo, page: Path) -> None:
    printed = [shape(line) for line in demo[1].splitlines()]
    for line in output_of("make demo", page):
        assert shape(line) in printed, line


def test_airflow_keeps_both_runs_as_successes(demo) -> None:
    installation, _ = demo
    with sqlite3.connect(installation.home / "airflow/airflow.db") as database:
        runs = set(database.execute("select dag_id, state from dag_run"))
    assert runs == {("demo_nightly", "success"), ("demo_deploy", "success")}


def test_the_reviewer_sees_metrics_and_what_they_were_made_from(demo) -> None:
    text = demo[0].overnight("review", "demo", "champion")
    assert "models:/demo/1 (approved, challenger, champion)" in text
    for shown in ("test_average_precision", "test_card_precision_at_20", "training_sets@v1",
                  "bundle_digest", "learning_rate"):  # fmt: skip
        assert shown in text


def test_every_gate_leaves_pages_that_status_run_and_task_lead_to(demo) -> None:
    installation, text = demo
    pages = f"http://127.0.0.1:{installation.port('DOCS')}/demo/2025-03-12/"
    assert f"Data Docs: {pages}" in text  # the log of the Airflow task
    assert any(pages in line for line in installation.overnight("status", "demo").splitlines())
    assert pages in installation.overnight("review", "demo", "champion")  # a tag of the run
    for table in ("transactions", "labels", "features", "training_set"):
        folder = installation.home / "data_docs/demo/2025-03-12" / table
        assert (folder / "index.html").is_file()


def test_nobody_else_can_read_what_airflow_mlflow_spark_and_the_endpoint_wrote(demo) -> None:
    assert list(wide(demo[0].home)) == []


def test_the_quarantine_of_a_clean_delivery_is_empty(demo) -> None:
    assert demo[0].overnight("quarantine", "demo").strip() == "The quarantine is empty."


def test_a_second_demo_adds_nothing(demo) -> None:
    installation, _ = demo
    before = installation.status("demo")
    assert any("models:/demo/1" in line for line in before)
    text = installation.overnight("demo", *SIZE)
    assert "Kept features@v1" in text
    assert installation.status("demo") == before
    state = json.loads((installation.home / "sagemaker/state.json").read_text())
    assert [len(held) for held in state["resources"].values()] == [1, 1, 1]


def test_a_bundle_that_was_changed_after_registration_is_refused(demo) -> None:
    installation, _ = demo
    (manifest,) = Path(installation.home / "mlruns").glob("**/bundle/bundle.json")
    original = manifest.read_text()
    manifest.write_text(original.replace('"alert_rate_0.005"', '"alert_rate_0.006"'))
    try:
        for command in (("approve", "demo", "1", "--because", "looks fine"), ("plan", "demo")):
            ran = installation.call(*command)
            assert ran.returncode == 2
            assert "the bundle has the digest missing" in ran.stderr
            assert "it was changed since" in ran.stderr
            assert "Traceback" not in ran.stderr
    finally:
        manifest.write_text(original)


def test_without_a_running_endpoint_score_says_how_to_start_it(demo) -> None:
    ran = demo[0].call("score", "demo")
    assert ran.returncode == 1  # nobody's mistake: Airflow tries such a step again
    assert "make up" in ran.stderr


def test_the_serving_version_cannot_be_rejected(demo) -> None:
    ran = demo[0].call("reject", "demo", "1", "--because", "no")
    assert ran.returncode == 2
    assert "models:/demo/1 is serving" in ran.stderr
