"""The job on two workers writes the bytes that it writes in one process."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from feature_jobs.executors.spark.session import open_session
from feature_jobs.io.data_files import DataFile
from tests.cluster.conftest import Cluster, wait_until
from tests.dist.conftest import find_made
from tests.feature_jobs.builds import build, late, make_history, rich_features

PARTITIONS = 8
ROWS = 100_000
JOB_SECONDS = 120.0


@pytest.fixture(scope="module")
def history() -> pa.Table:
    return late(make_history(ROWS))


@pytest.fixture(scope="module")
def expected(history: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> list[DataFile]:
    """What one process writes; a part's name is the hash of its bytes."""
    folder = tmp_path_factory.mktemp("local")
    with open_session("local[2]", scratch=folder / "scratch") as session:
        return build(session, history, folder / "lake", rich_features())


def count_executors(session: SparkSession) -> int:
    """Executors that are connected; Spark's list has the driver in it."""
    tracker = session.sparkContext._jsc.sc().statusTracker()
    return len(tracker.getExecutorInfos()) - 1


def is_computing(session: SparkSession) -> bool:
    """Return True while some tasks of the compute stage have ended and others have not.

    It is the only one with a task for every partition; the others have files, and buckets of days.
    """
    tracker = session.sparkContext.statusTracker()
    stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
    return any(
        stage is not None and 0 < stage.numCompletedTasks < stage.numTasks >= PARTITIONS
        for stage in stages
    )


def python_asker() -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """A function that is sent by value: a worker with the packed environment has no tests."""

    def ask(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import sys

        import numba

        for _ in batches:
            found = [sys.executable, sys.prefix, numba.__file__]
            yield pa.RecordBatch.from_pydict({"path": found})

    return ask


def test_a_cluster_of_two_workers_gives_the_parts_of_one_process_with_the_packed_environment(
    cluster: Cluster, expected: list[DataFile], history: pa.Table, tmp_path: Path
) -> None:
    scratch, archive = tmp_path / "scratch", find_made("environment.tar.gz")
    with open_session(cluster.address, scratch=scratch, archive=str(archive)) as session:
        asked = session.range(1).mapInArrow(python_asker(), "path string").collect()
        # Unpacked into the folder of an executor; nothing is of this environment.
        assert all(str(tmp_path / "cluster") in row.path for row in asked)
        assert all("/environment/" in f"{row.path}/" for row in asked)
        wait_until(lambda: count_executors(session) == 2, "two executors are connected")
        application = session.sparkContext.applicationId
        parts = build(session, history, tmp_path / "lake", rich_features(), partitions=PARTITIONS)
        assert session.sparkContext.master == cluster.address
    assert parts == expected
    assert len(parts) == 45
    assert {task.executor for task in cluster.read_tasks(application)} == {"0", "1"}


def test_a_worker_killed_in_the_middle_of_the_job_changes_no_byte(
    cluster: Cluster, expected: list[DataFile], history: pa.Table, tmp_path: Path
) -> None:
    with (
        open_session(cluster.address, scratch=tmp_path / "scratch") as session,
        ThreadPoolExecutor(1) as threads,
    ):
        wait_until(lambda: count_executors(session) == 2, "two executors are connected")
        # Else one may still load its libraries while the other does the whole first stage.
        session.range(0, PARTITIONS, numPartitions=PARTITIONS).mapInArrow(
            lambda b: b, "id long"
        ).collect()
        application = session.sparkContext.applicationId
        job: Future[list[DataFile]] = threads.submit(
            build, session, history, tmp_path / "lake", rich_features(), partitions=PARTITIONS
        )
        wait_until(lambda: job.done() or is_computing(session), "the middle stage has begun")
        assert not job.done(), job.exception()
        killed = cluster.kill_worker()
        wait_until(lambda: cluster.count_workers() == 1, "the master has lost a worker")
        wait_until(lambda: count_executors(session) == 1, "the driver has lost an executor")
        assert not job.done()
        parts = job.result(timeout=JOB_SECONDS)
    assert any("CoarseGrainedExecutorBackend" in command for command in killed)
    assert any("feature_jobs.executors.spark.worker_daemon" in command for command in killed)
    assert parts == expected
    outcomes = {task.outcome for task in cluster.read_tasks(application)}
    assert "FetchFailed" in outcomes  # blocks were lost and had to be made again
