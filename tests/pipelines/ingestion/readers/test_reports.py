"""Fraud reports of another format and dialect than the transactions."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from expectations.contract import InputError, ProblemsError
from pipelines.ingestion.ingest import ingest_delivery
from pipelines.ingestion.readers import open_reports
from pipelines.ingestion.whole_delivery import survey_delivery
from pipelines.lake import Lake
from tests.pipelines.ingestion.readers.tables import declare, parquet, write_csv

LABELS = 'path = "{path}"\ntransaction_id = "tx"\nknown_time = "reported"\n'
AT = pa.array([datetime(2025, 1, 1, tzinfo=UTC)] * 2, pa.timestamp("us"))


def reports_of(folder: Path, *lines: str) -> str:
    (folder / "reports.csv").write_text("tx;reported\n" + "".join(f"{line}\n" for line in lines))
    return LABELS.format(path=folder / "reports.csv") + 'format = "csv"\ndelimiter = ";"\n'


def test_reports_of_csv_meet_transactions_of_parquet(tmp_path: Path) -> None:
    parquet(tmp_path / "bank.parquet", tx=pa.array([12, 13]), at=AT)
    own = reports_of(tmp_path, "12;03.02.2025 10:00") + (
        'time_zone = "Europe/Berlin"\ntime_format = "%d.%m.%Y %H:%M"\n'
    )
    delivery = survey_delivery(declare(tmp_path, "bank.parquet", form="parquet", labels=own))
    assert (delivery.rows, delivery.reports, delivery.problems) == (2, 1, [])
    spec = declare(tmp_path, "bank.parquet", form="parquet", labels=own)
    lake = Lake(str(tmp_path / "lake"), spec="bank")
    labels = lake.read(ingest_delivery(spec, lake).labels)
    assert labels["transaction_id"].to_pylist() == [12]
    assert labels["known_time"].to_pylist() == [datetime(2025, 2, 3, 9, tzinfo=UTC)]


def test_an_id_of_a_report_that_cannot_be_one_of_the_transactions_is_told(tmp_path: Path) -> None:
    own = reports_of(tmp_path, "12;2025-02-03", "T13;2025-02-04")
    spec = declare(tmp_path, "bank.parquet", form="parquet", labels=own)
    reader = open_reports(spec, filed=pa.schema([("transaction_id", pa.int64())]))
    assert reader is not None
    with pytest.raises(
        ProblemsError, match=r"reports\.csv: line 3, column 'tx' .* 'T13' is no int"
    ):
        list(reader.batches(reader.files()[0]))


def test_problems_of_reports_name_the_keys_of_labels(tmp_path: Path) -> None:
    write_csv(tmp_path / "bank.csv", {})
    (tmp_path / "reports.csv").write_text("tx;reported\n1;2025-02-03\n")
    own = LABELS.format(path=tmp_path / "reports.csv")
    with pytest.raises(ProblemsError) as caught:
        survey_delivery(declare(tmp_path, "bank.csv", labels=own))
    (problem,) = caught.value.problems
    assert problem.endswith('state labels.delimiter = ";"')


def test_too_many_refunds_are_told_with_the_key_that_lets_them_in(tmp_path: Path) -> None:
    write_csv(tmp_path / "bank.csv", {"amount": "-20.00"}, {"tx": "2"})
    spec = declare(tmp_path, "bank.csv")
    with pytest.raises(InputError, match=r"refunds need a contract\.amount\.minimum"):
        ingest_delivery(spec, Lake(str(tmp_path / "lake"), spec="bank"))
