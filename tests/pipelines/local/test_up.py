"""One `overnight up` a home."""

import os
import subprocess
import sys
from pathlib import Path

from infra.processes.locks import hold
from tests.infra.embedded_server import free_port

OVERNIGHT = Path(sys.executable).with_name("overnight")


def start_up(home: Path) -> subprocess.CompletedProcess[str]:
    """`overnight up` on ports of its own; it has to end by itself."""
    names = ("AIRFLOW", "MLFLOW", "SAGEMAKER", "AWS", "DOCS")
    ports = {f"OVERNIGHT_{name}_PORT": str(free_port()) for name in names}
    return subprocess.run(
        [OVERNIGHT, "up"], env={**os.environ, **ports, "OVERNIGHT_HOME": str(home)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_home_that_is_served_is_refused_before_anything_starts(tmp_path: Path) -> None:
    for folder, holder in ((tmp_path, "overnight up"), (tmp_path / "sagemaker", "overnight demo")):
        with hold(folder, holder=holder):
            ended = start_up(tmp_path)
        said = f"{holder} (process {os.getpid()}) uses {folder} already: stop it, or give this one"
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.startswith(said)
        assert ended.stderr.count("\n") == 1
        assert not (tmp_path / "airflow").exists()
