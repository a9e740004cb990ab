"""A home that is lost comes back from the copies that docs/operations.md says to make."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from pipelines import steps
from tests.pipelines.nights import QUIET
from tests.rollouts.rig import Rig

pytestmark = QUIET

OVERNIGHT = Path(sys.executable).with_name("overnight")
LOG = "_delta_log"


def overnight(*arguments: str) -> str:
    """In a process of its own: this one has the lost database open."""
    ran = subprocess.run(
        [OVERNIGHT, *arguments], env=os.environ, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def copy_logs(lake: Path, copy: Path) -> None:
    for log in lake.rglob(LOG):
        shutil.copytree(log, copy / log.relative_to(lake))


def copy_parts(lake: Path, copy: Path) -> None:
    ignore = shutil.ignore_patterns(LOG)
    shutil.copytree(lake, copy, ignore=ignore, dirs_exist_ok=True)


def copy_database(database: Path, copy: Path) -> None:
    """`sqlite3 mlflow.db ".backup FILE"`."""
    with closing(sqlite3.connect(database)) as held, closing(sqlite3.connect(copy)) as target:
        held.backup(target)


def champion(rig: Rig) -> str:
    (version,) = re.findall(r"champion +models:/cards/(.)", overnight("status", rig.reference))
    return str(version)


def test_a_lost_home_comes_back_as_it_was_when_copied_and_goes_on(rig: Rig, tmp_path: Path) -> None:
    home, copies = rig.home, tmp_path / "copies"
    chain = overnight("decisions", rig.reference)
    copy_logs(home / "lake", copies / "lake")
    copy_database(home / "mlflow.db", copies / "mlflow.db")
    # What is decided between the two copies is in neither, and its part is no harm.
    steps.reject(rig.reference, "2", "not seen by the copies")
    copy_parts(home / "lake", copies / "lake")
    shutil.copytree(home / "mlruns", copies / "mlruns")

    shutil.rmtree(home / "lake")
    shutil.rmtree(home / "mlruns")
    for file in home.glob("mlflow.db*"):
        file.unlink()
    shutil.copytree(copies, home, dirs_exist_ok=True)

    assert overnight("decisions", rig.reference) == chain
    assert champion(rig) == "1"
    overnight("deploy", rig.reference)
    assert champion(rig) == "2"
