"""Features and a first load on EMR Serverless: the packed environment, run for real by its stand-in."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from expectations.contract import InputError
from pipelines import steps
from pipelines.config.installation import settings
from pipelines.features.build import build_feature_table
from pipelines.lake.tables import Lake
from pipelines.config.references import Snapshot, TableVersion
from tests.infra.embedded_server import wait_for
from tests.infra.emr.standin import APPLICATION, ROLE, StandIn, put, running_stand_in
from tests.infra.object_store import list_keys
from tests.pipelines.windowed import AS_OF, DAYS, SPEC, write_rows

# Until Great Expectations imports re's parser by its new name.
pytestmark = pytest.mark.filterwarnings("ignore:module 'sre_.*' is deprecated")
CONDITION = """
[[features.conditions]]
name = "large"
sql = "amount > 50"
[[features.windows]]
entity = "customer_id"
measure = "large"
aggregates = ["share"]
windows = ["1d"]
"""
STEP = """
import sys
from pipelines import steps
steps.build_features(sys.argv[1], sys.argv[2], sys.argv[3])
"""


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory, archive: Path) -> Iterator[StandIn]:
    with running_stand_in(tmp_path_factory.mktemp("emr")) as found:
        put("code/environment.tar.gz", archive.read_bytes())
        yield found


@pytest.fixture
def bank(stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A spec whose rows are ingested into a lake in S3; gives the snapshot."""
    write_rows(tmp_path / "rows.parquet", days=DAYS)
    text = SPEC.format(path=tmp_path / "rows.parquet", many=2) + CONDITION
    (tmp_path / "bank.toml").write_text(text)
    monkeypatch.setenv("OVERNIGHT_SPECS", str(tmp_path))
    monkeypatch.setenv("OVERNIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OVERNIGHT_LAKE", f"{stand_in.store}/{tmp_path.name}")
    use(monkeypatch, f"emr-serverless://{APPLICATION}")
    monkeypatch.setenv("OVERNIGHT_SPARK_ROLE", ROLE)
    monkeypatch.setenv("OVERNIGHT_SPARK_ARCHIVE", f"{stand_in.store}/code/environment.tar.gz")
    yield steps.ingest("bank", AS_OF)
    settings.load_settings.cache_clear()


def use(monkeypatch: pytest.MonkeyPatch, spark: str) -> None:
    monkeypatch.setenv("OVERNIGHT_SPARK", spark)
    settings.load_settings.cache_clear()


def hash_of(at: TableVersion) -> str:
    lake = Lake(settings.load_settings().lake, spec="bank")
    return lake.content_hash(at)


def test_a_job_whose_step_was_killed_is_followed_and_gives_what_a_session_gives(
    bank: str, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = [sys.executable, "-c", STEP, "bank", AS_OF, bank]
    killed = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    assert wait_for(lambda: any(r["state"] == "RUNNING" for r in stand_in.started()), 120)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    built = hash_of(build_feature_table("bank", AS_OF, snapshot=Snapshot.parse(bank)))
    assert [run["state"] for run in stand_in.started()] == ["SUCCESS"]
    # Committed, so neither the question nor the answer is kept, nor the first pass.
    assert not [key for key in list_keys(f"{tmp_path.name}/bank/features/.") if key]
    use(monkeypatch, "local[2]")
    monkeypatch.delenv("OVERNIGHT_SPARK_ARCHIVE")
    monkeypatch.setenv("OVERNIGHT_LAKE", str(tmp_path / "lake"))
    settings.load_settings.cache_clear()
    again = build_feature_table("bank", AS_OF, snapshot=Snapshot.parse(steps.ingest("bank", AS_OF)))
    assert hash_of(again) == built


def test_what_is_wrong_with_a_job_is_told_in_the_words_of_a_session(
    bank: str, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.features.build.ENGINE_VERSION", 7)
    refused = r'The request asks for version 7 of the engine and this is \d+.*"make dist"'
    with pytest.raises(InputError, match=refused):
        build_feature_table("bank", AS_OF, snapshot=Snapshot.parse(bank))


@pytest.mark.usefixtures("bank")  # whose lake is another
def test_a_first_load_as_two_jobs_files_what_one_process_files(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = put(f"{tmp_path.name}/bank/delivered/rows.parquet", (tmp_path / "rows.parquet").read_bytes())
    (tmp_path / "bank.toml").write_text(SPEC.format(path=source, many=2))
    before = len(stand_in.started())
    monkeypatch.setenv("OVERNIGHT_LAKE", f"{stand_in.store}/{tmp_path.name}-jobs")
    monkeypatch.setenv("OVERNIGHT_SPARK_FROM_ROWS", "0")
    settings.load_settings.cache_clear()
    made = Snapshot.parse(steps.ingest("bank", AS_OF))
    jobs = [hash_of(made.transactions), hash_of(made.labels)]
    assert [run["state"] for run in stand_in.started()[: -before or None]] == ["SUCCESS"] * 2
    assert not list_keys(f"{tmp_path.name}-jobs/bank/transactions/.delivery-")
    monkeypatch.delenv("OVERNIGHT_SPARK_FROM_ROWS")
    monkeypatch.setenv("OVERNIGHT_LAKE", str(tmp_path / "lake"))
    settings.load_settings.cache_clear()
    here = Snapshot.parse(steps.ingest("bank", AS_OF))
    assert [hash_of(here.transactions), hash_of(here.labels)] == jobs
