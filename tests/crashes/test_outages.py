"""What is down, full, read-only or lost is told in words, leaves nothing, and a rerun succeeds."""

import functools
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.crashes.chains import Link, Place, told, with_environment
from tests.crashes.conftest import Places
from tests.crashes.outages import (
    can_mount,
    end_by_signal,
    kill_java_at_first_part,
    kill_self_at_first_part,
    mount_read_only,
    mount_small,
)
from tests.crashes.processes import run

# Nothing but a small file system of one's own makes a disk full.
MOUNTED = pytest.mark.skipif(not can_mount(), reason="the kernel lets this user mount nothing")
TOLD = "OvernightError: "
AGAIN = "run the same step again"
IMPATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}  # each further one waits twice as long
WRITING = ("ingest", "build_training_set")


@pytest.fixture
def place(nights: Places) -> Place:
    return nights[0]


def table_of(place: Place, link: Link) -> Path:
    """The folder of the table that a step makes."""
    return place.home / "lake" / "crash" / link.value.rpartition("+")[2].partition("@")[0]


@pytest.mark.parametrize("name", WRITING)
def test_a_process_that_ends_in_the_middle_of_a_file_is_healed(place: Place, name: str) -> None:
    link = place.links[name]
    place.go_before(link)
    # The kernel lets the file grow so far, and ends the process within its write.
    ended = run(replace(link.job, file_bytes=3_000, before=end_by_signal))
    assert ended.code == -signal.SIGXFSZ, ended
    assert place.problems_again(link) == []


@pytest.mark.parametrize("name", WRITING)
def test_a_file_that_finds_no_room_is_told(place: Place, name: str) -> None:
    ended = told(place, name, replace(place.links[name].job, file_bytes=3_000))
    assert ended.error.startswith(f"{TOLD}There is no room left to write: ")
    assert "File too large" in ended.error
    assert AGAIN in ended.error


@MOUNTED
def test_a_full_disk_is_told(place: Place) -> None:
    link = place.links["ingest"]
    place.go_before(link)
    lake = place.home / "lake"
    lake.mkdir(exist_ok=True)
    job = replace(link.job, before=functools.partial(mount_small, lake, kilobytes=64))
    ended = run(job)
    assert ended.error.startswith(f"{TOLD}There is no room left to write: ")
    assert "No space left on device" in ended.error
    assert AGAIN in ended.error
    assert place.problems_again(link) == []


@MOUNTED
@pytest.mark.parametrize("name", [*WRITING, "register"])
def test_a_lake_that_is_read_only_is_told(place: Place, name: str) -> None:
    lake = place.home / "lake"
    (place.links[name].before / "lake").mkdir(exist_ok=True)
    job = replace(place.links[name].job, before=functools.partial(mount_read_only, lake))
    ended = told(place, name, job)
    assert ended.error.startswith(f"{TOLD}A file cannot be written or read: ")
    assert "Read-only file system" in ended.error
    assert AGAIN in ended.error


@pytest.mark.parametrize("name", ["tune", "register"])
def test_an_mlflow_that_is_down_is_told(place: Place, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        nowhere = f"http://127.0.0.1:{probe.getsockname()[1]}"
    job = with_environment(place.links[name].job, MLFLOW_TRACKING_URI=nowhere, **IMPATIENT)
    ended = told(place, name, job)
    assert ended.error.startswith(f"{TOLD}MLflow does not answer: ")
    assert AGAIN in ended.error


def test_an_mlflow_that_dies_between_two_calls_is_told(place: Place, dying_server: str) -> None:
    job = with_environment(place.links["train"].job, MLFLOW_TRACKING_URI=dying_server, **IMPATIENT)
    ended = told(place, "train", job)
    assert ended.error.startswith(f"{TOLD}MLflow does not answer: ")


def test_a_java_that_is_lost_in_the_middle_of_the_job_is_told(place: Place) -> None:
    link = place.links["build_features"]
    killing = functools.partial(kill_java_at_first_part, place.home / "lake/crash/features")
    ended = told(place, "build_features", replace(link.job, before=killing))
    assert ended.error.startswith(f"{TOLD}Spark is lost: ")
    assert AGAIN in ended.error


def test_a_process_killed_while_spark_writes_parts_leaves_nothing(place: Place) -> None:
    link = place.links["build_features"]
    place.go_before(link)
    killing = functools.partial(kill_self_at_first_part, place.home / "lake/crash/features")
    ended = run(replace(link.job, before=killing))
    assert (ended.is_killed, ended.left) == (True, ())
    assert place.problems_again(link) == []


@pytest.fixture
def dying_server() -> Iterator[str]:
    """Answers the first request as MLflow would of no experiment, and is then gone."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_once() -> None:
            body = b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"}'
            lines = ("HTTP/1.1 404 Not Found", f"Content-Length: {len(body)}", "Connection: close")
            head = "\r\n".join([*lines, "", ""])
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(head.encode() + body)
            server.close()

        thread = threading.Thread(target=answer_once, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
