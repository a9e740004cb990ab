"""A first load on two workers files the bytes that one process files, and after a kill too."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.config.installation.settings import load_settings
from pipelines.lake import Lake
from tests.cluster.conftest import Cluster, wait_until
from tests.dist.conftest import find_made
from tests.pipelines.ingestion.cluster.deliveries import ingest, traces, write_delivery

STEP = """
import sys
from pathlib import Path
from pipelines.config import load_spec
from tests.pipelines.ingestion.cluster.deliveries import ingest
ingest(load_spec(sys.argv[1]), Path(sys.argv[2]))
"""
TABLES = ("transactions", "labels", "quarantine", "manifest")


def use(monkeypatch: pytest.MonkeyPatch, cluster: Cluster) -> None:
    monkeypatch.setenv("OVERNIGHT_SPARK", cluster.address)
    monkeypatch.setenv("OVERNIGHT_SPARK_FROM_ROWS", "0")
    load_settings.cache_clear()


def hashes(lake: Lake) -> dict[str, str]:
    """The digests of the tables' data files, which are named by their bytes."""
    found = {table: lake.latest(table) for table in TABLES}
    return {table: lake.content_hash(at) for table, at in found.items() if at is not None}


def test_a_first_load_on_a_cluster_leaves_what_one_process_leaves(
    cluster: Cluster, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = write_delivery(home / "source", kind="reports")
    expected, other = ingest(spec, home / "here")
    before = set(cluster.events.iterdir())
    monkeypatch.setenv("OVERNIGHT_SPARK_ARCHIVE", str(find_made("environment.tar.gz")))
    use(monkeypatch, cluster)
    told, lake = ingest(spec, home / "cluster")
    assert told == expected
    assert traces(lake) == traces(other)
    [application] = set(cluster.events.iterdir()) - before
    tasks = cluster.read_tasks(application.name)
    # One a file and one a day, beside those that start the workers.
    assert len(tasks) >= 6 + 10
    assert {task.outcome for task in tasks} == {"Success"}


def test_a_first_load_that_was_killed_while_it_filed_days_is_repaired_by_a_rerun(
    cluster: Cluster, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = write_delivery(home / "source", kind="column")
    _, other = ingest(spec, home / "here")
    use(monkeypatch, cluster)
    root = home / "cluster"
    words = [sys.executable, "-c", STEP, str(home / "source/bank.toml"), str(root)]
    killed = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    wait_until(lambda: any(root.rglob("part-*.parquet")), "a day is filed")
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    lake = Lake(str(root), spec="bank")
    assert lake.latest("manifest") is None
    assert list(Path(lake.folder("transactions")).glob(".delivery-*"))
    ingest(spec, root)
    assert hashes(lake) == hashes(other)
    assert hashes(lake).keys() == set(TABLES)
