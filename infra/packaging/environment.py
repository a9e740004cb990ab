"""`python -m infra.packaging.environment DIST`: packs what a Spark worker runs our code with.

Interpreter, the packages of requirements.lock beside this file, and our packages that workers
import, as one archive that Spark unpacks beside each worker: its machines need no Python, no
package and no common folder.
"""

import argparse
import gzip
import logging
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from expectations.contract import OvernightError
from infra.packaging.interpreter import copy_interpreter

ROOT = Path(__file__).resolve().parents[2]
LOCK = Path(__file__).with_name("requirements.lock")
NAME = "environment.tar.gz"
OURS = ("expectations", "feature_jobs", "infra", "pipelines", "training")
# Tests, headers and static libraries of the packages, the half of their bytes.
LEFT_OUT = ("tests", "include", "__pycache__")
LEVEL = 1  # of gzip: higher levels take four times as long for a tenth of the size

log = logging.getLogger(__name__)


def pack_environment(dist: Path) -> Path:
    """Make the archive.

    Raises:
        OvernightError: when the packages cannot be installed.
    """
    dist.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=dist, prefix=".environment-") as scratch:
        folder = Path(scratch) / "environment"
        packages = copy_interpreter(folder)
        _install(packages, python=folder / "bin/python")
        for name in OURS:
            _copy(ROOT / name, packages / name)
        _compile_kernels(folder)
        aside = Path(scratch) / NAME
        _pack(folder, aside)
        aside.replace(dist / NAME)
    size = (dist / NAME).stat().st_size
    log.info("Packed %s: %.0f MB", dist / NAME, size / 1e6)
    return dist / NAME


def _install(packages: Path, *, python: Path) -> None:
    command = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet"]
    command += ["--no-deps", "--require-hashes", "--link-mode", "copy", "--python", str(python)]
    command += ["--target", str(packages), "--requirement", str(LOCK)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- uv
    if ran.returncode:
        raise OvernightError(
            f"The packages of {LOCK} were not installed: {ran.stderr.strip()}. "
            'Run "make dist" again when the index can be reached.'
        )
    for name in LEFT_OUT:
        for found in packages.rglob(name):
            if found.is_dir():
                shutil.rmtree(found)
    for found in packages.rglob("*.a"):
        found.unlink()


def _compile_kernels(folder: Path) -> None:
    """Compile the kernels into numba's cache: workers with this processor start 15 s sooner.

    It takes them for those of a source by the source's time, which the archive does not keep.
    """
    for source in folder.rglob("*.py"):
        os.utime(source, (0, 0))
    warm = "from feature_jobs.executors.spark.warm_up import compile_kernels; compile_kernels()"
    # What reads deliveries and files them: a package that it lacks is missed now, not on a worker.
    loaded = "import pipelines.ingestion.delivery, pipelines.ingestion.filing.day_merge"
    command = [str(folder / "bin/python"), "-B", "-I", "-c", f"{warm}; {loaded}"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- ours
    if ran.returncode:
        raise OvernightError(
            f"The packed environment does not run: {ran.stderr.strip()}. Add what is missing to "
            'the group spark of pyproject.toml, and run "make lock".'
        )


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.md"))
    else:
        shutil.copy(source, target)


def _pack(folder: Path, archive: Path) -> None:
    with (
        archive.open("wb") as file,
        gzip.GzipFile("", "wb", LEVEL, fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder), recursive=False, filter=_plain)


def _plain(found: tarfile.TarInfo) -> tarfile.TarInfo:
    """Remove what differs between two packings."""
    found.mtime, found.uid, found.gid, found.uname, found.gname = 0, 0, 0, "", ""
    found.mode = 0o755 if found.mode & 0o100 or found.isdir() else 0o644
    return found


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(prog="python -m infra.packaging.environment")
    parser.add_argument("dist", type=Path)
    try:
        pack_environment(parser.parse_args().dist)
    except OvernightError as error:
        sys.exit(str(error))
