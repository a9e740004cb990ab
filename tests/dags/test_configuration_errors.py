"""What Airflow's own reader of DAG files finds in an installation with specs that do not load."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.airflow.environment import build_airflow_environment
from tests.pipelines.nights import SPEC

DAGS = Path(__file__).parents[2] / "dags"
KINDS = ("nightly", "deploy")

PROGRAM = """
import json, sys
from pathlib import Path
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = DagBag(sys.argv[1], bundle_path=Path(sys.argv[1]), bundle_name="dags-folder")
for dag in bag.dags.values():
    DagSerialization.to_dict(dag)
print("FOUND", json.dumps({"dags": sorted(bag.dags), "errors": bag.import_errors,
    "files": {name: dag.relative_fileloc for name, dag in bag.dags.items()},
    "docs": {name: dag.doc_md for name, dag in bag.dags.items()}}))
"""


@pytest.fixture
def parsed(tmp_path: Path):
    """Specs by name of file, and more of the environment, to what Airflow finds."""

    def parse(specs: dict[str, str], **more: str) -> dict[str, object]:
        folder = tmp_path / "specs"
        folder.mkdir()
        for name, text in specs.items():
            (folder / name).write_text(text)
        base = os.environ | {"OVERNIGHT_HOME": str(tmp_path), "OVERNIGHT_SPECS": str(folder)}
        environment = build_airflow_environment(
            base | more, home=tmp_path / "airflow", dags=DAGS, port=1
        )
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(DAGS)],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "FOUND" in ran.stdout, ran.stderr
        return json.loads(ran.stdout.rpartition("FOUND ")[2])

    return parse


def both(*specs: str) -> list[str]:
    return sorted(f"{spec}_{kind}" for spec in specs for kind in KINDS)


def test_an_installation_in_order_has_its_dags_and_no_error(parsed, tmp_path: Path) -> None:
    found = parsed({"cards.toml": SPEC})
    assert found["dags"] == both("cards", "demo")
    assert found["errors"] == {}
    assert str(tmp_path / "specs/cards.toml") in found["docs"]["cards_nightly"]
    assert "specs/demo.toml" in found["docs"]["demo_nightly"]


def test_specs_that_do_not_load_cost_their_own_dags_and_are_one_import_error(parsed) -> None:
    found = parsed(
        {
            "cards.toml": SPEC, "broken.toml": '[source]\npath = "x\n', "empty.toml": "",
            "twice.toml": f'name = "cards"\n{SPEC}',
            "late.toml": f'{SPEC}\n[schedule]\ndeploy = "0 2 * *"\n',
        }
    )  # fmt: skip
    assert found["dags"] == both("cards", "demo")
    # Of a file with an import error Airflow runs none of its DAGs: so none is in this one.
    assert list(found["errors"]) == ["configuration_errors.py"]
    assert "configuration_errors.py" not in found["files"].values()
    for said in (
        "broken.toml is not TOML", "empty.toml", "source: missing", "'cards' is not the file's",
        "schedule.deploy: got '0 2 * *'",
    ):  # fmt: skip
        assert said in found["errors"]["configuration_errors.py"]


def test_notifiers_that_cannot_be_read_are_an_import_error_and_nights_go_on(parsed) -> None:
    found = parsed({"broken.toml": ""}, OVERNIGHT_NOTIFIERS="nobody")
    assert found["dags"] == both("demo")
    assert list(found["errors"]) == ["configuration_errors.py"]
    for said in ("OVERNIGHT_NOTIFIERS", "broken.toml"):
        assert said in found["errors"]["configuration_errors.py"]


def test_the_largest_and_smallest_values_that_a_spec_may_have_make_dags(parsed) -> None:
    schedule = (
        '[schedule]\nnightly = "@daily"\ndeploy = "*/5 * * * *"\nretries = 20\n'
        'retry_delay = "0s"\ntimeout = "36500d"\ndeadline = "36500d"\n'
        '[approval]\nwhere = "airflow"\nexpires = "36500d"\n'
    )
    found = parsed({"a.toml": SPEC + schedule, f"{'z' * 40}.toml": SPEC})
    assert found["errors"] == {}
    assert found["dags"] == sorted([*both("a", "demo", "z" * 40), "a_review"])
