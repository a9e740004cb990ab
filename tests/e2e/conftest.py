"""An installation of its own: a home, free ports, and the command line as a process."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.infra.embedded_server import free_port

OVERNIGHT = Path(sys.executable).with_name("overnight")


class Installation:
    """What `OVERNIGHT_HOME` names, and the ports beside it."""

    def __init__(self, home: Path, **variables: str) -> None:
        self.home = home
        # MLflow notes in the environment which server this process talked to last.
        others = ("AIRFLOW", "AWS_", "MLFLOW_", "OVERNIGHT_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(others)}
        ports = {
            f"OVERNIGHT_{name}_PORT": str(free_port())
            for name in ("AIRFLOW", "MLFLOW", "SAGEMAKER", "AWS", "DOCS")
        }
        self.environment: Mapping[str, str] = (
            kept | ports | {"OVERNIGHT_HOME": str(home)} | variables
        )

    def port(self, name: str) -> int:
        return int(self.environment[f"OVERNIGHT_{name}_PORT"])

    def call(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [OVERNIGHT, *arguments],
            env=self.environment, cwd=cwd, capture_output=True, text=True, check=False,
            umask=0,  # what is closed to others, is so whatever the shell's
        )  # fmt: skip

    def overnight(self, *arguments: str) -> str:
        """Standard output of a command that has to succeed."""
        ran = self.call(*arguments)
        assert ran.returncode == 0, f"{arguments}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    def status(self, spec: str) -> list[str]:
        """What is where, without the endpoint: it answers only while something serves it."""
        lines = self.overnight("status", spec).splitlines()
        return [line for line in lines if not line.strip().startswith("endpoint")]


@pytest.fixture(scope="session")
def make_installation(tmp_path_factory: pytest.TempPathFactory):
    def make(name: str, **variables: str) -> Installation:
        return Installation(tmp_path_factory.mktemp(name), **variables)

    return make
