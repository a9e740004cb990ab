"""Archive of Spark's loaded classes, beside the environment: `python -m …spark.class_cache`.

A good part of a session's start is loading and checking Spark's classes. Java can keep them in a
file (class data sharing, JEP 350) and map it the next time; Java checks that the file is of
the same Java and the same jars, and does without it if not.
"""

import argparse
import logging
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from expectations.contract import AMOUNT, EVENT_TIME, KNOWN_TIME, TRANSACTION_ID
from feature_jobs.declaration import Condition, Derived, FeatureSet, WindowGroup
from feature_jobs.executors.spark.java import ARCHIVE
from feature_jobs.executors.spark.job import build_features
from feature_jobs.executors.spark.session import open_session
from feature_jobs.stages import Day

_DAY = datetime(2025, 1, 1, tzinfo=UTC)


def make_archive() -> None:
    """Run a small job in a process of its own whose Java writes the archive as it ends."""
    ARCHIVE.unlink(missing_ok=True)
    aside = ARCHIVE.with_suffix(".partial")
    aside.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "feature_jobs.executors.spark.class_cache",
        "--write-to",
        str(aside),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- us
    if ran.returncode or not aside.is_file():
        # Only speed is lost; a Java that came as a wheel has nothing to build on.
        reason = ran.stderr.strip().splitlines()[-1] if ran.returncode else "this Java keeps none"
        logging.getLogger(__name__).warning("Spark starts without kept classes: %s", reason)
        return
    aside.rename(ARCHIVE)


def run_job(archive: Path) -> None:
    """Load the classes that a build of features loads, and write them to a file at the end."""
    times = pa.array([_DAY, _DAY + timedelta(hours=1)], pa.timestamp("us", tz="UTC"))
    columns = {TRANSACTION_ID: [1, 2], EVENT_TIME: times, KNOWN_TIME: times, "key": [1, 1]}
    rows = pa.table(columns | {AMOUNT: [1.0, 2.0]})
    hour = (timedelta(hours=1),)
    features = FeatureSet(
        conditions=(Condition(name="large", sql=f"{AMOUNT} > 1"),),
        windows=(
            WindowGroup(entity="key", aggregates=("count",), windows=hour),
            WindowGroup(entity="key", measure="large", aggregates=("share",), windows=hour),
        ),
        derived=(Derived(name="twice", sql=f"{AMOUNT} * 2"),),
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pq.write_table(rows, folder / "rows.parquet")
        writing = [f'-XX:ArchiveClassesAtExit="{archive}"', "-Xlog:disable"]
        with open_session("local[2]", scratch=folder / "scratch", java_options=writing) as session:
            build_features(
                session,
                days=[Day(str(_DAY.date()), (str(folder / "rows.parquet"),), rows.num_rows)],
                labels=[],
                features=features,
                entities=["key"],
                attributes={},
                target=str(folder / "parts"),
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m feature_jobs.executors.spark.class_cache")
    parser.add_argument("--write-to", type=Path)
    given = parser.parse_args().write_to
    make_archive() if given is None else run_job(given)
