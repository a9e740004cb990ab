"""The wheel in an empty environment, outside the checkout: the demo, and a spec of one's own."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.dist.conftest import DIST, find_made
from tests.e2e.conftest import Installation

SECONDS = 1200
pytestmark = pytest.mark.timeout(2 * SECONDS)  # all packages are installed, and an Airflow runs


@pytest.fixture(scope="session")
def wheel() -> Path:
    return find_made("overnight-*.whl")


@pytest.fixture(scope="session")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The command of an environment that holds the wheel and what it asks for, nothing else."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    uv = str(Path(sys.executable).with_name("uv"))
    run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
    install = [uv, "pip", "install", "--quiet", "--python", str(folder / "bin/python")]
    run([*install, "--constraints", str(DIST.parent / "requirements.lock"), str(wheel)])
    yield folder / "bin/overnight"


def run(command: list[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Standard output of a command that has to succeed."""
    kept = dict(os.environ if env is None else env)
    kept.pop("PYTHONPATH", None)
    ran = subprocess.run(
        command, cwd=cwd, env=kept, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def test_the_wheel_holds_dags_specs_templates_and_no_test(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert names >= {
        "dags/nightly.py", "dags/deploy.py", "pipelines/config/specs/demo.toml",
        "dags/configuration_errors.py", "pipelines/config/specs/examples/handbook.toml",
        "pipelines/review/report/templates/review.html",
        "feature_jobs/executors/spark/log4j2.properties",
    }  # fmt: skip
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {
        "dags", "expectations", "feature_jobs", "infra", "pipelines", "training",
    }  # fmt: skip


def test_the_demo_runs_outside_the_checkout(program: Path, tmp_path: Path) -> None:
    installation = Installation(tmp_path / "home")
    command = [str(program), "demo", "--days", "70", "--customers", "300"]
    said = run(command, cwd=tmp_path, env=installation.environment)
    assert "models:/demo/1 serves at demo" in said
    assert str(program.parents[1]) in run(
        [str(program.with_name("python")), "-c", "import pipelines; print(pipelines.__file__)"],
        cwd=tmp_path,
    )


def test_a_first_spec_is_written_outside_the_checkout(program: Path, tmp_path: Path) -> None:
    installation = Installation(tmp_path / "home")
    run([str(program), "simulate", "--days", "40", "--customers", "20"],
        cwd=tmp_path, env=installation.environment)  # fmt: skip
    assert "Usage: overnight" in run([str(program), "--help"], cwd=tmp_path)
    file = tmp_path / "bank.csv"
    file.write_text("tx_id,tx_time,amount,customer_id,is_fraud\n1,2025-01-01 00:00:00,1.5,7,0\n")
    said = run([str(program), "new", "bank", "--from", str(file)],
               cwd=tmp_path, env=installation.environment)  # fmt: skip
    assert said.startswith("Wrote bank.toml")
    assert (tmp_path / "bank.toml").is_file()
