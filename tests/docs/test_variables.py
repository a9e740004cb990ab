"""The table of the variables of the environment against the code that reads them."""

import os
import re
from pathlib import Path

import pytest

from infra.emr.job import Application
from infra.local.services import DEFAULT_PORTS, PORT_VARIABLES
from infra.serving.http.settings import read_settings as read_container
from pipelines.config.addresses import DEFAULT_PUBLIC
from pipelines.config.installation import VARIABLE_GROUPS
from pipelines.config.installation.settings import read_settings
from tests.docs.blocks import DOCS, ROOT

TABLE = {v.name: v for group in VARIABLE_GROUPS.values() for v in group}
NAME = re.compile(r"OVERNIGHT_[A-Z][A-Z_]*[A-Z]")
PRODUCT = ("pipelines", "feature_jobs", "training", "expectations", "infra", "dags")
ITSELF = ROOT / "pipelines/config/installation/variables.py"
# Names that are put together: of a port, of a Spark application, of a kind of DAG.
COMPOSED = {
    *(f"OVERNIGHT_{name}_PORT" for name in ("AIRFLOW", "MLFLOW", "SAGEMAKER", "AWS", "DOCS")),
    *(f"OVERNIGHT_SPARK_{n}" for n in ("ROLE", "ARCHIVE", "VCPUS", "MEMORY_GB", "MAX_EXECUTORS")),
    "OVERNIGHT_SPARK_MAX_MINUTES",
    *(f"OVERNIGHT_{kind}_QUEUE" for kind in ("NIGHTLY", "DEPLOY", "REVIEW")),
}


def product_files() -> list[Path]:
    ends = ("*.py", "*.toml", "*.sh", "*.env", "Dockerfile")
    found = [path for top in PRODUCT for end in ends for path in (ROOT / top).rglob(end)]
    return [path for path in found if path != ITSELF]


def named_in(paths: list[Path]) -> set[str]:
    return {name for path in paths for name in NAME.findall(path.read_text(encoding="utf-8"))}


def test_every_variable_of_the_code_is_in_the_table() -> None:
    found = named_in(product_files())
    assert len(found) > 20
    assert found <= TABLE.keys()


def test_every_variable_of_the_table_is_in_the_code() -> None:
    assert TABLE.keys() <= named_in(product_files()) | COMPOSED


def test_the_composed_names_are_those_of_the_code() -> None:
    assert set(PORT_VARIABLES.values()) <= COMPOSED
    fields = {f"OVERNIGHT_SPARK_{n.upper()}" for n in Application.model_fields if n != "id"}
    assert fields == {name for name in COMPOSED if "SPARK" in name}
    (queue,) = {
        text
        for path in (ROOT / "dags").glob("*.py")
        for text in re.findall(r"OVERNIGHT_\{kind\.upper\(\)\}_QUEUE", path.read_text())
    }
    assert queue


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda p: p.stem)
def test_pages_name_variables_that_exist(page: Path) -> None:
    assert named_in([page]) <= TABLE.keys()


def test_defaults_are_those_of_the_code() -> None:
    settings = read_settings({"OVERNIGHT_HOME": "/home"})
    assert TABLE["OVERNIGHT_LAKE"].default.replace("$OVERNIGHT_HOME", "/home") == settings.lake
    studies = TABLE["OVERNIGHT_STUDIES"].default.replace("$OVERNIGHT_HOME", "/home")
    assert settings.studies.startswith(studies)
    assert settings.docs_url == "http://127.0.0.1:8770"
    assert TABLE["OVERNIGHT_PUBLIC"].default == DEFAULT_PUBLIC
    for name, port in DEFAULT_PORTS.items():
        assert TABLE[PORT_VARIABLES[name]].default == str(port)
    assert TABLE["OVERNIGHT_SPARK"].default == settings.spark.master
    container = read_container({})
    assert TABLE["OVERNIGHT_METRICS_SECONDS"].default == f"{container.metrics_seconds:g}"
    assert container.workers == len(os.sched_getaffinity(0))
    assert container.endpoint is container.version is container.digest is container.capture is None
    assert read_settings({}).home.name == TABLE["OVERNIGHT_HOME"].default
