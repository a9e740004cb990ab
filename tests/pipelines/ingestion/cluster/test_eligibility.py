"""Which ingestions are divided among Spark's workers."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.emr import Application
from pipelines.config import ModelSpec, load_spec
from pipelines.config.installation.settings import Settings, read_settings
from pipelines.ingestion.cluster.eligibility import choose_folder
from pipelines.ingestion.readers import SourceFile
from pipelines.lake import Lake

SPEC = """
[source]
path = "cards"
format = "{form}"
[source.roles]
transaction_id = "id"
event_time = "at"
amount = "amount"
[source.entities]
customer_id = "customer"
[labels]
column = "fraud"
delay = "1d"
maturity = "2d"
"""
OWN = """
[[contract.expectations]]
name = "expect_column_values_to_be_between"
severity = "{severity}"
column = "amount"
max_value = 100
"""
APPLICATION = Application(
    id="00f1abcd2345ef09", role="arn:aws:iam::123456789012:role/spark", archive="s3://code/e.gz"
)
Write = Callable[[str, int], SourceFile]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A function that writes a file of so many rows."""

    def write(name: str, rows: int) -> SourceFile:
        path = tmp_path / name
        if name.endswith("parquet"):
            pq.write_table(pa.table({"id": range(rows)}), path)
        else:
            text = "".join(f"{n:07d},2025-01-01T00:00:00,1.5\n" for n in range(rows)).encode()
            path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        return SourceFile(name, str(path), path.stat().st_size, datetime(2025, 1, 1, tzinfo=UTC))

    return write


def spec_of(folder: Path, form: str, more: str = "") -> ModelSpec:
    (folder / "bank.toml").write_text(SPEC.format(form=form) + more)
    return load_spec(str(folder / "bank.toml"))


def settings_of(folder: Path, least: int | None) -> Settings:
    return replace(read_settings({"OVERNIGHT_HOME": str(folder)}), spark_from_rows=least)


@pytest.mark.parametrize("least", [None, 301, 300, 0])
def test_an_ingestion_is_divided_from_so_many_rows_on(
    least: int | None, write: Write, tmp_path: Path
) -> None:
    files = [write("1.parquet", 100), write("2.parquet", 200)]
    spec, lake = spec_of(tmp_path, "parquet"), Lake("/lake", spec="bank")
    folder = choose_folder(spec, lake, files, settings_of(tmp_path, least))
    assert (folder is not None) == (least in (300, 0))
    assert folder is None or folder.startswith("/lake/bank/transactions/.delivery-")
    assert choose_folder(spec, lake, [], settings_of(tmp_path, least)) is None


def test_rows_of_texts_are_estimated_by_the_first_megabyte(write: Write, tmp_path: Path) -> None:
    # Lines of 32 bytes: the estimate of 100,000 of them is exact, but for the line that is cut.
    file, lake = write("1.csv", 100_000), Lake("/lake", spec="bank")
    spec = spec_of(tmp_path, "csv")
    assert choose_folder(spec, lake, [file], settings_of(tmp_path, 99_990))
    assert not choose_folder(spec, lake, [file], settings_of(tmp_path, 100_010))
    few = write("2.csv.gz", 50)
    assert choose_folder(spec, lake, [few], settings_of(tmp_path, 50))
    assert not choose_folder(spec, lake, [few], settings_of(tmp_path, 51))


def test_what_workers_cannot_read_stays_in_this_process(write: Write, tmp_path: Path) -> None:
    files = [write("1.parquet", 1)]
    settings = settings_of(tmp_path, 0)
    plain = spec_of(tmp_path, "parquet")
    here, remote = Lake("/lake", spec="bank"), Lake("s3://lake", spec="bank")
    assert choose_folder(plain, remote, files, settings) is None
    assert choose_folder(plain, here, files, replace(settings, spark=APPLICATION)) is None
    warning = spec_of(tmp_path, "parquet", OWN.format(severity="warn"))
    assert choose_folder(warning, here, files, settings)
    quarantine = spec_of(tmp_path, "parquet", OWN.format(severity="quarantine"))
    assert choose_folder(quarantine, here, files, settings) is None


def test_a_rerun_of_a_submitted_job_has_the_folder_of_the_first_run(
    write: Write, tmp_path: Path
) -> None:
    settings = replace(settings_of(tmp_path, 0), spark=APPLICATION)
    spec, lake = spec_of(tmp_path, "parquet"), Lake("s3://lake", spec="bank")
    file = write("1.parquet", 1)
    [one, other] = [
        replace(file, address=f"s3://bank/{file.name}", size=size) for size in (100, 101)
    ]
    first = choose_folder(spec, lake, [one], settings)
    assert first == choose_folder(spec, lake, [one], settings)
    assert first != choose_folder(spec, lake, [other], settings)
    here = settings_of(tmp_path, 0)
    assert choose_folder(spec, lake, [one], here) != choose_folder(spec, lake, [one], here)
