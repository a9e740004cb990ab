"""This project's engine, on a local Spark session with two cores."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from expectations.contract import AMOUNT, format_duration
from feature_jobs.definitions import FeatureSet, WindowGroup
from feature_jobs.job import build_features
from feature_jobs.session import open_session
from tests.benchmarks.contenders import THREADS
from tests.benchmarks.data import ENTITIES


def run(source: Path, target: Path, *, windows: Sequence[timedelta]) -> None:
    with open_session(f"local[{THREADS}]", scratch=target.parent / "scratch") as session:
        build_features(
            session,
            transactions=[str(path) for path in sorted(source.glob("*/*.parquet"))],
            labels=[],
            features=declare(windows),
            entities=list(ENTITIES),
            attributes={},
            interval=None,
            target=target,
        )


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
