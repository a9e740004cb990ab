"""Databases come back from `pg_dump` as docs/operations.md says, taken while everything runs."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

import psycopg
import pytest
from mlflow import MlflowClient

from tests.pipelines.nights import QUIET
from tests.production.rig import DATABASES, Rig

pytestmark = QUIET

# Airflow runs and writes meanwhile; the studies may not have begun.
STILL = ("mlflow", "people")


@pytest.fixture(scope="module")
def restored(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Each database as it was to the address of what was made of its copy."""
    folder = tmp_path_factory.mktemp("copies")
    client = MlflowClient(rig.database.url("mlflow", "mlflow"))
    client.create_registered_model("kept")
    client.create_model_version("kept", source="s3://nowhere/kept")
    client.set_registered_model_alias("kept", "champion", "1")
    found = {}
    for name, owner in DATABASES.items():
        copy, again = folder / name, f"{name}_again"
        rig.database.run("pg_dump", "--format=custom", f"--file={copy}", name)
        rig.database.run("createdb", f"--owner={owner}", again)
        rig.database.run("pg_restore", "--exit-on-error", f"--dbname={again}", str(copy))
        found[name] = rig.database.url(owner, again)
    yield found
    client.delete_registered_model("kept")


def test_every_row_is_there_again(rig: Rig, restored: dict[str, str]) -> None:
    for name in STILL:
        kept = count_rows(restored[name])
        assert kept == count_rows(rig.database.url(DATABASES[name], name))
        assert sum(kept.values()) > 0


def test_mlflow_goes_on_with_its_models_and_aliases(restored: dict[str, str]) -> None:
    uri = restored["mlflow"]
    run_program("mlflow", "db", "upgrade", uri)
    client = MlflowClient(uri)
    assert client.get_model_version_by_alias("kept", "champion").source == "s3://nowhere/kept"


def test_airflow_goes_on_with_its_pools(rig: Rig, restored: dict[str, str]) -> None:
    address = restored["airflow"].replace("postgresql:", "postgresql+psycopg2:")
    environment = {**rig.airflow_environment, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address}
    run_program("airflow", "db", "migrate", environment=environment)
    assert "overnight" in run_program("airflow", "pools", "list", environment=environment)


def count_rows(address: str) -> dict[str, int]:
    """Table to its number of rows."""
    with psycopg.connect(address) as open_:
        listed = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        tables = [name for (name,) in open_.execute(listed).fetchall()]
        counts = [open_.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables]
    return dict(zip(tables, counts, strict=True))


def run_program(module: str, *arguments: str, environment: Mapping[str, str] = os.environ) -> str:
    command = [sys.executable, "-m", module, *arguments]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
