"""Airflow's API server refuses requests that a page of another site could make."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.airflow.environment import build_airflow_environment
from pipelines.config.installation.settings import DAGS

# The application that `airflow api-server` serves, asked in this process.
PROGRAM = """
import json, sys
from airflow.api_fastapi.app import create_app
from starlette.testclient import TestClient
client = TestClient(create_app(apps="all"), base_url=sys.argv[1])
for headers in json.loads(sys.argv[2]):
    print("status", client.get("/api/v2/version", headers=headers).status_code)
    print("status", client.get("/auth/token", headers=headers).status_code)
"""


def statuses(tmp_path: Path, asked: list[dict[str, str]], **settings: str) -> list[int]:
    """Of a read and a token for each set of headers, in order."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW")}
    environment = build_airflow_environment(kept | settings, home=tmp_path, dags=DAGS, port=8765)
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, "http://127.0.0.1:8765", json.dumps(asked)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    lines = [line.split() for line in ran.stdout.splitlines() if line.startswith("status ")]
    return [int(status) for _, status in lines]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("airflow")


def test_its_own_address_is_answered_and_all_others_are_refused(folder: Path) -> None:
    own = [{}, {"Origin": "http://127.0.0.1:8765"}, {"Host": "localhost:8765"}]
    foreign = [
        {"Host": "evil.example"}, {"Host": "127.0.0.1:1"}, {"Origin": "http://evil.example"},
        {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ]  # fmt: skip
    found = statuses(folder, [*own, *foreign])
    assert found == [200, 201] * len(own) + [403, 403] * len(foreign)


def test_an_address_that_the_settings_give_it_is_its_own_too(folder: Path) -> None:
    behind = {"Host": "airflow.bank.example", "Origin": "https://airflow.bank.example"}
    found = statuses(folder, [behind], AIRFLOW__API__BASE_URL="https://airflow.bank.example")
    assert found == [200, 201]
