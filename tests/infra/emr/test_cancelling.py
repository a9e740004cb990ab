"""A run of the embedded EMR Serverless that is cancelled while it fetches what it needs."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.emulator.emr.run import JobRun
from tests.infra.embedded_server import wait_for

REQUEST = {"jobDriver": {"sparkSubmit": {"entryPoint": "s3://bank/job.py"}}}


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """An S3 that takes connections and says nothing."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.settimeout(60)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", address)
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        yield listening


@pytest.mark.parametrize(("cancels", "expected"), [(True, "CANCELLED"), (False, "FAILED")])
def test_what_breaks_after_the_cancelling_leaves_it_cancelled(
    silent: socket.socket, tmp_path: Path, cancels: bool, expected: str
) -> None:
    run = JobRun("1", REQUEST, folder=tmp_path, master="local[1]")
    connection, _ = silent.accept()
    if cancels:
        run.cancel()
        assert run.state == "CANCELLING"
    connection.close()
    assert wait_for(lambda: run.state == expected, 60), run.state
