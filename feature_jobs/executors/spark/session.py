"""Spark session with the settings that exact results and a two-core machine need."""

import contextlib
import logging
import os
import shutil
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
from pyspark.sql import SparkSession

from feature_jobs.executors.spark.cluster_health import await_executor, refuse_silent_master
from feature_jobs.executors.spark.java import archive_options, find_java

DRIVER_MEMORY = "2g"
BATCH_ROWS = 200_000
SPILLS_KEPT_SECONDS = 2 * 86_400
BATCH_BYTES = 64 << 20
# A job is over before a second compiler pays off, and the default collector is slow with blocks.
JAVA_OPTIONS = ("-XX:TieredStopAtLevel=1", "-XX:+UseParallelGC")
UNPACKED = "environment"  # the folder that workers unpack the archive into
ARCHIVED_PYTHON = f"./{UNPACKED}/bin/python"
LOGGING = Path(__file__).with_name("log4j2.properties")

Session = SparkSession  # for packages that pass a session on without knowing Spark

log = logging.getLogger(__name__)


@contextlib.contextmanager
def open_session(
    master: str,
    *,
    scratch: Path,
    archive: str | None = None,
    java_options: Sequence[str] | None = None,
) -> Iterator[SparkSession]:
    """Open a session for the time of a block.

    Args:
        master: `local[*]`, or the address of a cluster.
        scratch: where shuffles spill to.
        archive: the Python environment of a cluster's workers, made by `make dist`; None: they
            have this one's path.
        java_options: further options of the driver's Java; None: those of the class archive.

    Raises:
        OvernightError: when no master answers at the address, or no worker takes part.
    """
    refuse_silent_master(master)
    scratch.mkdir(parents=True, exist_ok=True)
    remove_orphan_spills(scratch / "spark", now=time.time())
    os.environ["JAVA_HOME"] = str(find_java(scratch))
    # Otherwise workers start whatever python3 is first on PATH.
    os.environ["PYSPARK_PYTHON"] = sys.executable if archive is None else ARCHIVED_PYTHON
    options = _job_options(scratch) | {
        "spark.master": master,
        "spark.driver.memory": DRIVER_MEMORY,
        "spark.driver.extraJavaOptions": " ".join(
            [
                f"-Dlog4j2.configurationFile={LOGGING.as_uri()}",
                *JAVA_OPTIONS,
                *(archive_options() if java_options is None else java_options),
            ]
        ),
        "spark.driver.bindAddress": "127.0.0.1" if master.startswith("local") else "0.0.0.0",  # noqa: S104 -- executors connect back
        "spark.local.dir": str(scratch / "spark"),
    }
    if master.startswith("local"):
        options["spark.driver.host"] = "127.0.0.1"
        options["spark.shuffle.compress"] = "false"  # blocks stay on this machine
    if archive is not None:
        options["spark.archives"] = f"{archive}#{UNPACKED}"
    with _running(options) as session:
        if not master.startswith("local"):
            await_executor(session)
        yield session


@contextlib.contextmanager
def join_session(*, scratch: Path) -> Iterator[SparkSession]:
    """Join the session of a job that `spark-submit` started, with its settings."""
    with _running(_job_options(scratch)) as session:
        yield session


def _job_options(scratch: Path) -> dict[str, str]:
    """Return the settings with which a job gives the same bytes wherever it runs."""
    return {
        "spark.app.name": "overnight features",
        "spark.python.daemon.module": "feature_jobs.executors.spark.worker_daemon",
        "spark.sql.adaptive.enabled": "false",  # the number of partitions is ours to choose
        # A partitioning by zero in a derived feature is a missing value, not the end of the run.
        "spark.sql.ansi.enabled": "false",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH_ROWS),
        # Otherwise some stages start Python workers, and their parent, of their own.
        "spark.sql.execution.pyspark.udf.simplifiedTraceback.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.maxBytesPerBatch": str(BATCH_BYTES),
        "spark.sql.shuffle.partitions": "8",  # blocks have their own
        "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": str(sys.stderr.isatty()).lower(),
    }


@contextlib.contextmanager
def _running(options: Mapping[str, str]) -> Iterator[SparkSession]:
    # mapInArrow uses no pandas. Can go when pyspark supports pandas 3.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    for name in ("py4j", "pyspark"):
        logging.getLogger(name).setLevel(logging.WARNING)
    builder = SparkSession.builder
    for key, value in options.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    workers = threading.Thread(target=_start_workers, args=[session])
    workers.start()
    try:
        yield session
    finally:
        workers.join()
        session.stop()


def remove_orphan_spills(folder: Path, *, now: float) -> None:
    """Remove spill files of sessions whose Java was killed; it removes them itself otherwise.

    Args:
        folder: where shuffles spill to.
        now: seconds since 1970; what is two days older belongs to no session that still runs.
    """
    for spilled in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):  # another session that ends
            if spilled.stat().st_mtime < now - SPILLS_KEPT_SECONDS:
                shutil.rmtree(spilled, ignore_errors=True)


def _start_workers(session: SparkSession) -> None:
    """Start Python workers and load kernels while the driver is still planning."""
    session.range(1).mapInArrow(_same, "id long").collect()


def _same(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return batches
