"""Nobody else can read what an installation writes, whatever the umask; nothing is told outside."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from infra.airflow.environment import build_airflow_environment
from infra.files.modes import make_private, narrow
from infra.tracking.server import build_mlflow
from pipelines.config.installation.settings import export_settings, read_settings
from tests.crashes import bank
from tests.modes import wide
from tests.pipelines.nights import QUIET

pytestmark = QUIET

OVERNIGHT = str(Path(sys.executable).with_name("overnight"))
ROOT = Path(__file__).parents[3]


def outside(**variables: str) -> dict[str, str]:
    """The environment of a shell that knows nothing of an installation."""
    others = ("AIRFLOW", "AWS_", "MLFLOW_", "OVERNIGHT_", "GX_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(others)}
    return kept | variables


def command(home: Path, umask: int, *arguments: str) -> None:
    ran = subprocess.run(
        [OVERNIGHT, *arguments],
        env=outside(OVERNIGHT_HOME=str(home), OVERNIGHT_SPARK="local[1]"),
        umask=umask, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_a_whole_home_is_its_users_alone(tmp_path: Path, umask: int) -> None:
    bank.deliver(tmp_path)
    spec, home = str(bank.write_spec(tmp_path, "cards")), tmp_path / "home"
    command(home, umask, "run", spec, "--as-of", bank.AS_OF)
    assert (home / "lake/cards/transactions/_delta_log").is_dir()
    assert (home / "mlruns").is_dir()
    assert list(wide(home)) == []


def test_a_home_of_an_earlier_version_is_closed(tmp_path: Path) -> None:
    """What stands at its first level; below a closed folder nothing can be reached."""
    for name in ("lake", "logs", "airflow"):
        (tmp_path / name).mkdir(mode=0o755)
    for name in ("mlflow.db", "studies.db", "mlflow-users.db"):
        (tmp_path / name).touch(mode=0o644)
    (tmp_path / "mine.txt").touch(mode=0o644)
    (tmp_path / "mine.txt").chmod(0o644)
    tmp_path.chmod(0o755)
    make_private(tmp_path)
    assert list(wide(tmp_path)) == ["-rw-r--r-- mine.txt"]


def test_a_folder_of_other_things_is_not_closed(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    tmp_path.chmod(0o755)
    make_private(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    shared = tmp_path / "letters"
    shared.chmod(0o1777)  # as /tmp is
    narrow(shared)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777


def test_a_drafted_spec_has_the_mode_that_its_user_gives_files(tmp_path: Path) -> None:
    bank.deliver(tmp_path)
    ran = subprocess.run(
        [sys.executable, "-c", "from infra.files.modes import *; from pathlib import Path; "
         "close_umask(); path = Path('cards.toml'); path.touch(); share(path)"],
        cwd=tmp_path, umask=0o027, check=False, env=outside(PYTHONPATH=str(ROOT)),
    )  # fmt: skip
    assert ran.returncode == 0
    assert stat.S_IMODE((tmp_path / "cards.toml").stat().st_mode) == 0o640


def server_environment(home: Path) -> dict[str, str]:
    uri = f"sqlite:///{home}/mlflow.db"
    return dict(build_mlflow(outside(), home=home, tracking_uri=uri, port=1).environment)


def settings_environment(home: Path) -> dict[str, str]:
    environment = outside(OVERNIGHT_HOME=str(home))
    export_settings(read_settings(environment), environment)
    return environment


def airflow_environment(home: Path) -> dict[str, str]:
    return build_airflow_environment(settings_environment(home), home=home, dags=ROOT, port=1)


ALIVE = """
import os
for name in ("CI", "PYTEST_CURRENT_TEST", "GITHUB_ACTIONS"):  # there MLflow is silent by itself
    os.environ.pop(name, None)
{before}
import mlflow
from mlflow.telemetry.client import get_telemetry_client
from mlflow.telemetry.utils import is_telemetry_disabled
assert is_telemetry_disabled(), "enabled"
assert get_telemetry_client() is None, "a client is alive"
"""


@pytest.mark.parametrize(
    ("made", "before"),
    [
        (settings_environment, ""),
        (server_environment, ""),
        (airflow_environment, ""),
        # A process of Airflow's in production: its own environment, and our first step.
        (lambda home: outside(OVERNIGHT_HOME=str(home)),
         "from pipelines.config.installation.settings import load_settings; load_settings()"),
    ],
    ids=["command", "server", "airflow", "step"],
)  # fmt: skip
def test_no_process_has_a_client_of_mlflows_telemetry(made, before: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ALIVE.format(before=before)],
        env={**made(tmp_path), "PYTHONPATH": str(ROOT)},
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr


def test_production_and_great_expectations_tell_nobody() -> None:
    from expectations.run import quiet_great_expectations

    production = (ROOT / "infra/airflow/production.env").read_text().splitlines()
    assert "MLFLOW_DISABLE_TELEMETRY=true" in production
    quiet_great_expectations()
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"
