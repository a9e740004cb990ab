"""A Spark standalone cluster of one master and two workers, from the pyspark package, on loopback.

Every program runs under a guard, so what it starts (executors, Python workers) ends with it.
"""

import contextlib
import json
import os
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyspark
import pytest

from feature_jobs.executors.spark.java import find_java
from infra.processes.service import Service, running
from tests.infra.embedded_server import free_port

HOME = Path(pyspark.__file__).parent
PATIENCE_SECONDS = 90.0
POLL_SECONDS = 0.05
SHOWN_LINES = 60
DEFAULTS = """\
spark.eventLog.enabled true
spark.eventLog.dir {events}
spark.eventLog.compress false
spark.eventLog.rolling.enabled false
spark.master.rest.enabled false
spark.shuffle.readHostLocalDisk false
"""  # The last: on one host an executor would read the files of a killed one from the disk.


@dataclass(frozen=True, slots=True)
class Task:
    """An attempt at a task, from Spark's event log.

    Attributes:
        executor: number of the executor; the driver has none.
        outcome: `Success`, `ExecutorLostFailure`, `FetchFailed`, `Resubmitted`, …
    """

    executor: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster.

    Attributes:
        address: of the master, for a session.
        page: the master's own account of itself, JSON.
        events: folder of the event logs, one file for each application.
    """

    address: str
    page: str
    events: Path

    def count_workers(self) -> int:
        """Workers that the master takes for alive."""
        with urllib.request.urlopen(self.page, timeout=5) as answer:
            return int(json.load(answer)["aliveworkers"])

    def kill_worker(self) -> list[str]:
        """SIGKILL one worker and all that it started; returns the commands that were killed."""
        worker = min(find_java_processes("deploy.worker.Worker"), key=lambda process: process.pid)
        family = [worker, *worker.children(recursive=True)]
        commands = [" ".join(read_command(process)) for process in family]
        for process in family:  # the worker first: it would start its executor anew
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        _, alive = psutil.wait_procs(family, timeout=PATIENCE_SECONDS)
        assert not alive
        return commands

    def read_tasks(self, application: str) -> list[Task]:
        """Every attempt at every task of an application that has ended."""
        events = map(json.loads, (self.events / application).read_text().splitlines())
        return [
            Task(event["Task Info"]["Executor ID"], event["Task End Reason"]["Reason"])
            for event in events
            if event["Event"] == "SparkListenerTaskEnd"
        ]


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Poll until something is so.

    Raises:
        TimeoutError: when it still is not after `PATIENCE_SECONDS`.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"After {PATIENCE_SECONDS:.0f} s still not: {what}.")
        time.sleep(POLL_SECONDS)


def read_command(process: psutil.Process) -> list[str]:
    """A process' command line; empty when it has ended."""
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def find_java_processes(name: str) -> list[psutil.Process]:
    """Descendants that run a class of Spark; the guards, which have it as an argument, are not."""
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if f"org.apache.spark.{name}" in (command := read_command(process))
        and Path(command[0]).name == "java"
    ]


@pytest.fixture(scope="session", autouse=True)
def events(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Settings of every JVM; autouse, as the driver's is started once, by the first session."""
    folder = tmp_path_factory.mktemp("events")
    settings = tmp_path_factory.mktemp("conf")
    (settings / "spark-defaults.conf").write_text(DEFAULTS.format(events=folder.as_uri()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_HOME", str(find_java(tmp_path_factory.mktemp("java"))))
        patch.setenv("SPARK_HOME", str(HOME))
        patch.setenv("SPARK_CONF_DIR", str(settings))
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("SPARK_LOCAL_HOSTNAME", "127.0.0.1")
        patch.setenv("SPARK_PUBLIC_DNS", "127.0.0.1")
        patch.setenv("SPARK_MASTER_HOST", "127.0.0.1")
        patch.setenv("SPARK_DAEMON_MEMORY", "256m")
        yield folder


@pytest.fixture
def cluster(events: Path, tmp_path: Path) -> Iterator[Cluster]:
    """A master and two workers of one core and 1 GB; logs are shown when the test fails."""
    folder = tmp_path / "cluster"
    port, page_port = free_port(), free_port()
    found = Cluster(f"spark://127.0.0.1:{port}", f"http://127.0.0.1:{page_port}/json/", events)
    master = _service(
        "master.Master", ["--port", str(port)], page_port=page_port, folder=folder / "master"
    )
    workers = [
        _service(
            "worker.Worker",
            ["-c", "1", "-m", "1g", "-d", str(folder / name), found.address],
            page_port=free_port(),
            folder=folder / name,
        )
        for name in ("first", "second")
    ]
    try:
        with running([master]), running(workers):
            wait_until(lambda: found.count_workers() == len(workers), "two workers are alive")
            yield found
            family = [p for guard in _find_guards() for p in guard.children(recursive=True)]
    finally:
        _show_logs(folder)
    assert len(family) > 1
    assert not [process for process in family if process.is_running()]


def _find_guards() -> list[psutil.Process]:
    """Of the master and of the workers."""
    children = psutil.Process().children()
    return [
        process for process in children if "infra.processes.supervisor" in read_command(process)
    ]


def _service(name: str, arguments: list[str], *, page_port: int, folder: Path) -> Service:
    command = [str(HOME / "bin/spark-class"), f"org.apache.spark.deploy.{name}"]
    command += ["--host", "127.0.0.1", "--webui-port", str(page_port), *arguments]
    return Service(
        name=name,
        command=command,
        environment={**os.environ, "SPARK_LOCAL_DIRS": str(folder / "spill")},
        health=f"http://127.0.0.1:{page_port}/json/",
        log=folder / "log",
        patience_seconds=PATIENCE_SECONDS,
    )


def _show_logs(folder: Path) -> None:
    """Write the end of every log to standard error, which pytest shows when the test failed."""
    for log in sorted([*folder.glob("*/log"), *folder.glob("*/app-*/*/stderr")]):
        lines = log.read_text(errors="replace").splitlines()[-SHOWN_LINES:]
        sys.stderr.write("\n".join([f"--- {log}", *lines, ""]))
