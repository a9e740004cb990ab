"""The services of `make up` for a test, and their own REST interfaces: Airflow's and MLflow's."""

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping

from tests.e2e.conftest import OVERNIGHT, Installation


@contextlib.contextmanager
def serving(installation: Installation) -> Iterator[None]:
    """`overnight up` as a process of its own, until the block ends."""
    log = installation.home.with_name(f"{installation.home.name}-up.log")
    with log.open("wb") as output:
        up = subprocess.Popen(
            [OVERNIGHT, "up"], env=installation.environment, stdout=output, stderr=output,
            start_new_session=True, umask=0,
        )  # fmt: skip
    try:
        wait_until(lambda: up.poll() is not None or b"Ctrl-C" in log.read_bytes(), 240)
        assert up.poll() is None, log.read_text()
        yield
    finally:
        os.kill(up.pid, signal.SIGINT)
        up.wait(timeout=120)


def wait_until(is_so, seconds: float) -> None:
    """Look again and again.

    Raises:
        TimeoutError: when it is not so in time.
    """
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s")
        time.sleep(0.5)


def call(
    address: str, body: object = None, *, method: str = "", headers: Mapping[str, str] = {}
) -> dict:
    """An HTTP request with JSON in and out."""
    sent = urllib.request.Request(
        address,
        data=None if body is None else json.dumps(body).encode(),
        method=method or ("GET" if body is None else "POST"),
        headers={"Content-Type": "application/json", **headers},
    )
    try:
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{error.code} {error.read().decode()}") from error


class Airflow:
    """Its REST interface, as the page uses it."""

    def __init__(self, installation: Installation, known: Mapping[str, str] | None = None) -> None:
        """Sign in: as anyone, or with `username` and `password`."""
        self._address = f"http://127.0.0.1:{installation.port('AIRFLOW')}"
        token = call(f"{self._address}/auth/token", known)["access_token"]
        self._headers = {"Authorization": f"Bearer {token}"}

    def call(self, path: str, body: object = None, *, method: str = "") -> dict:
        address = f"{self._address}/api/v2/{path}"
        return call(address, body, method=method, headers=self._headers)

    def trigger(self, dag: str, form: Mapping[str, object]) -> None:
        """Start a run, as the form does."""
        self.call(f"dags/{dag}", {"is_paused": False}, method="PATCH")
        self.call(f"dags/{dag}/dagRuns", {"conf": form, "logical_date": None})

    def runs(self, dag: str) -> list[dict]:
        """All runs of a DAG, oldest first."""
        return sorted(self.call(f"dags/{dag}/dagRuns")["dag_runs"], key=lambda r: r["run_after"])

    def wait(self, dag: str, *, count: int = 1, seconds: float = 300) -> list[dict]:
        """The runs of a DAG once so many of them ended; all have to have succeeded."""
        ended = {"success", "failed"}
        wait_until(lambda: sum(run["state"] in ended for run in self.runs(dag)) >= count, seconds)
        runs = self.runs(dag)
        assert {run["state"] for run in runs} <= {"success"} | {"running", "queued"}, runs
        return runs


class Mlflow:
    """Its REST interface, as the page uses it."""

    def __init__(self, installation: Installation, headers: Mapping[str, str] = {}) -> None:
        self._address = f"http://127.0.0.1:{installation.port('MLFLOW')}"
        self._headers = headers

    def call(self, path: str, body: object = None, *, method: str = "") -> dict:
        address = f"{self._address}/ajax-api/2.0/mlflow/{path}"
        return call(address, body, method=method, headers=self._headers)

    def set_alias(self, model: str, alias: str, version: int) -> None:
        body = {"name": model, "alias": alias, "version": str(version)}
        self.call("registered-models/alias", body)

    def aliases(self, model: str) -> dict[str, int]:
        found = self.call(f"registered-models/get?name={model}")["registered_model"]
        return {each["alias"]: int(each["version"]) for each in found.get("aliases", [])}
