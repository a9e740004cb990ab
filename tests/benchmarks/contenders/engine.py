"""This project's engine, on a local Spark session with two cores."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq

from expectations.contract import AMOUNT, EVENT_DAY, format_duration
from feature_jobs.declaration.features import FeatureSet, WindowGroup
from feature_jobs.executors.spark.job import build_features
from feature_jobs.executors.spark.session import open_session
from feature_jobs.stages.write import Day
from tests.benchmarks.contenders import THREADS
from tests.benchmarks.data import ENTITIES


def run(source: Path, target: Path, *, windows: Sequence[timedelta]) -> None:
    with open_session(f"local[{THREADS}]", scratch=target.parent / "scratch") as session:
        build_features(
            session,
            days=read_days(source),
            labels=[],
            features=declare(windows),
            entities=list(ENTITIES),
            attributes={},
            target=str(target),
        )


def read_days(source: Path) -> list[Day]:
    """Every day with its file and, as the lake's log would say, its number of rows."""
    files = sorted(source.glob(f"{EVENT_DAY}=*/*.parquet"))
    return [
        Day(path.parent.name.partition("=")[2], (str(path),), pq.read_metadata(path).num_rows)
        for path in files
    ]


def declare(windows: Sequence[timedelta]) -> FeatureSet:
    """Count of transactions and sum of amounts of every entity over every window."""
    lengths = [format_duration(window) for window in windows]
    groups = []
    for entity in ENTITIES:
        groups += [
            WindowGroup(entity=entity, aggregates=("count",), windows=lengths),
            WindowGroup(entity=entity, measure=AMOUNT, aggregates=("sum",), windows=lengths),
        ]
    return FeatureSet(windows=tuple(groups))
