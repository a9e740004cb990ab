"""Airflow's database and pools, made by Airflow's own commands on SQLite."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from expectations.contract import hide_passwords
from pipelines.config.installation.settings import Settings, airflow_environment, read_settings
from pipelines.local.airflow_runs import prepare_airflow


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        monkeypatch.delenv(name)
    return read_settings({"OVERNIGHT_HOME": str(tmp_path)})


def airflow(settings: Settings, *command: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "airflow", *command],
        env=airflow_environment(settings), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ran.stdout


def slots(settings: Settings) -> str:
    shown = airflow(settings, "pools", "get", "overnight", "--output", "json")
    return str(json.loads(shown.splitlines()[-1])[0]["slots"])


def test_a_pool_that_somebody_resized_outlives_an_upgrade(settings: Settings) -> None:
    prepare_airflow(settings)
    assert slots(settings) == "2"
    airflow(settings, "pools", "set", "overnight", "4", "a larger machine")
    (mark,) = settings.airflow_home.glob("prepared-*")
    mark.unlink()  # another release of Airflow has a mark of its own
    prepare_airflow(settings)
    assert mark.exists()
    assert slots(settings) == "4"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "postgresql+psycopg2://airflow:one@db:5432/a",
            "postgresql+psycopg2://airflow:***@db:5432/a",
        ),
        (
            "postgresql+psycopg2://airflow:t/w:o@db:5432/a",
            "postgresql+psycopg2://airflow:***@db:5432/a",
        ),
        ("postgresql://airflow@db/a", "postgresql://airflow@db/a"),
        ("sqlite:////home/a:b@c/airflow.db", "sqlite:////home/a:b@c/airflow.db"),
    ],
)
def test_a_database_is_named_the_same_under_another_password(address: str, expected: str) -> None:
    assert hide_passwords(address) == expected
