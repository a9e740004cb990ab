"""MLflow's SQLite files: runs and models, and users."""

import logging
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from expectations.contract import OvernightError
from infra.files import PATIENCE_SECONDS, make_whole

if TYPE_CHECKING:
    from sqlalchemy import Connection

# MLflow says this at the beginning of each of its sessions, after the URL's `timeout`.
_OWN_PATIENCE = "PRAGMA busy_timeout = 20000;"


def make_tracking(url: str) -> None:
    """Create the database of runs and models if there is none, atomically."""
    make_whole(url, _make_tables)


def make_server_files(url: str, users: str | None, environment: Mapping[str, str]) -> None:
    """Create the server's SQLite files if there are none, atomically.

    By MLflow's own commands: this process starts the server and needs nothing of MLflow itself.

    Args:
        url: of runs and models.
        users: of those that may sign in; None when everybody may.
        environment: of the server.

    Raises:
        OvernightError: when MLflow does not make one.
    """
    make_whole(url, lambda aside: _run(["mlflow", "db", "upgrade", aside], environment))
    if users is not None:
        command = ["mlflow.server.auth", "db", "upgrade", "--url"]
        make_whole(users, lambda aside: _run([*command, aside], environment))


def wait_for_locks() -> None:
    """Let MLflow in this process wait for a locked file as long as its URL says."""
    from sqlalchemy import Engine, event

    if not event.contains(Engine, "before_cursor_execute", _say_patience):
        event.listen(Engine, "before_cursor_execute", _say_patience, retval=True)


def _say_patience(
    connection: "Connection",
    _cursor: object,
    statement: str,
    parameters: object,
    _context: object,
    _many: object,
) -> tuple[str, object]:
    if statement == _OWN_PATIENCE:
        seconds = float(str(connection.engine.url.query.get("timeout", PATIENCE_SECONDS)))
        statement = f"PRAGMA busy_timeout = {seconds * 1_000:.0f};"
    return statement, parameters


def _make_tables(url: str) -> None:
    from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine

    for noisy in ("alembic", "mlflow.store"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    engine = create_sqlalchemy_engine(url)  # type: ignore[no-untyped-call]  # MLflow's own
    try:
        _initialize_tables(engine)  # type: ignore[no-untyped-call]  # MLflow's own
    finally:
        engine.dispose()


def _run(module: Sequence[str], environment: Mapping[str, str]) -> None:
    finished = subprocess.run(  # noqa: S603 -- our own command, no shell
        [sys.executable, "-m", *module],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise OvernightError(
            f"MLflow does not make its database: {finished.stderr[-2_000:]}\n"
            f"Look at what it says, or run it yourself: python -m {' '.join(module)}"
        )
