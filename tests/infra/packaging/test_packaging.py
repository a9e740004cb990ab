"""A copied interpreter finds the packages beside it, wherever its maker looks for them."""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
VERSION = ".".join(platform.python_version_tuple()[:2])
DEBIANS = Path(f"/usr/bin/python{VERSION}")
COPY = "import sys, pathlib; from infra.packaging.interpreter import copy_interpreter as copy; "
COPY += "print(copy(pathlib.Path(sys.argv[1])))"


@pytest.mark.parametrize("python", [Path(sys.executable), DEBIANS], ids=["ours", "Debian's"])
def test_a_copy_that_was_moved_imports_what_lies_in_its_folder_for_packages(
    python: Path, tmp_path: Path
) -> None:
    if not python.exists():
        pytest.skip(f"there is no {python}")  # only Debian has one there
    paths = os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))
    made = subprocess.run(
        [python, "-c", COPY, tmp_path / "first"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": paths},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    packages = Path(made.stdout.strip())
    (packages / "brought.py").write_text("HELD = 7\n")
    shutil.move(tmp_path / "first", tmp_path / "second")
    said = subprocess.run(
        [tmp_path / "second/bin/python", "-I", "-c", "import brought; print(brought.HELD)"],
        env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout == "7\n"
