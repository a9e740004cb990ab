import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def tools(tmp_path_factory):
    """The environment of `make audit`, from its lock."""
    venv = tmp_path_factory.mktemp("tools") / "venv"
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([ROOT / "infra" / "supply" / "setup.sh", uv, venv], check=True, env=os.environ)
    return venv


@pytest.fixture
def rig(tmp_path):
    """A root with one lock of two packages."""
    lines = [f"{name} --hash=sha256:{'0' * 64}" for name in ("left-pad==1.3.0", "right-pad==2.0")]
    (tmp_path / "requirements.lock").write_text("\n".join(lines) + "\n")
    return tmp_path
