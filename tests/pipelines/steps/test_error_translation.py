"""What is down is named, and nothing else is."""

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from expectations.contract import OvernightError
from feature_jobs.io import storage
from infra.tracking.database import make_tracking
from pipelines.lake.tables import Lake
from pipelines.steps.error_translation import explain, translate_errors
from tests.pipelines.nights import QUIET, SPEC

pytestmark = QUIET


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An address at which nothing listens, as AWS's."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    storage._remote.cache_clear()
    yield
    storage._remote.cache_clear()


@pytest.mark.parametrize(
    "call",
    [
        lambda: Lake("s3://bank/lake", spec="cards").latest("scores"),
        lambda: storage.publish("s3://bank/lake/a", b"a"),
        lambda: storage.read_bytes("s3://bank/lake/a"),
    ],
    ids=["delta", "write", "read"],
)
@pytest.mark.usefixtures("nowhere")
def test_an_object_store_that_is_down_is_told(call: Callable[[], Any]) -> None:
    with pytest.raises(OvernightError, match="The object store does not do what it is asked"):
        translate_errors(call)()


def test_a_connection_that_is_reset_is_not_put_down_to_spark() -> None:
    with pytest.raises(ConnectionResetError) as raised:
        raise ConnectionResetError(104, "Connection reset by peer")
    assert explain(raised.value) is None


def test_a_password_in_an_address_is_not_told() -> None:
    said = str(explain(OSError("Generic S3 error: http://night:hunter2@store:9000/bank")))
    assert "http://night:***@store:9000/bank" in said
    assert "hunter2" not in said


def test_a_database_of_mlflow_that_an_earlier_version_left_half_made_is_told(
    tmp_path: Path,
) -> None:
    """As SQLite says it when the migration that was cut off begins again."""
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.execute("create table _alembic_tmp_model_version_tags (key text)")
        with pytest.raises(sqlite3.OperationalError) as raised:
            database.execute("create table _alembic_tmp_model_version_tags (key text)")
    assert "left half made by a process that was killed" in str(explain(raised.value))


def test_a_command_that_is_no_step_tells_an_outage_too(home: Path) -> None:
    """`overnight compare` asks MLflow for runs; its file is another process's."""
    url = f"sqlite:///{home}/mlflow.db?timeout=0.1"
    make_tracking(url)
    (home / "cards.toml").write_text(SPEC)
    with contextlib.closing(sqlite3.connect(home / "mlflow.db")) as holder:
        holder.execute("begin exclusive")
        ran = subprocess.run(
            [Path(sys.executable).with_name("overnight"), "compare", home / "cards.toml", "1", "2"],
            env={**os.environ, "OVERNIGHT_HOME": str(home), "MLFLOW_TRACKING_URI": url},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert ran.returncode == 1
    assert "A SQLite file stays locked by another process" in ran.stderr
    assert "fault of the program" not in ran.stderr
