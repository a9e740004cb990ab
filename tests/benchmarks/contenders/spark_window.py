"""Plain Spark: `Window.rangeBetween` over the event time in microseconds."""

import os
import sys
import warnings
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as f

from expectations.contract import AMOUNT, EVENT_TIME, TRANSACTION_ID
from feature_jobs.executors.spark.java import find_java
from tests.benchmarks.contenders import MEMORY_GB, THREADS
from tests.benchmarks.contenders.columns import READ, count_name, preceding, sum_name
from tests.benchmarks.data import ENTITIES


def run(source: Path, target: Path, *, windows: Sequence[timedelta]) -> None:
    scratch = target.parent / "scratch"
    os.environ["JAVA_HOME"] = str(find_java(scratch))
    os.environ["PYSPARK_PYTHON"] = sys.executable
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    session = (
        SparkSession.builder.master(f"local[{THREADS}]")
        .config("spark.driver.memory", f"{MEMORY_GB}g")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.local.dir", str(scratch))
        .config("spark.sql.parquet.compression.codec", "zstd")
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", str(4 * THREADS))
        # Lists the days itself; by default 365 tasks do.
        .config("spark.sql.sources.parallelPartitionDiscovery.threshold", "1000")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    rows = session.read.parquet(str(source)).select(*READ)
    columns = {}
    for entity in ENTITIES:
        ordered = Window.partitionBy(entity).orderBy(f.unix_micros(EVENT_TIME))
        for window in windows:
            frame = ordered.rangeBetween(-preceding(window), Window.currentRow)
            columns[count_name(entity, window)] = f.count("*").over(frame)
            columns[sum_name(entity, window)] = f.sum(AMOUNT).over(frame)
    built = rows.withColumns(columns).select(TRANSACTION_ID, EVENT_TIME, *columns)
    built.write.parquet(str(target))
    session.stop()
