"""Every format gives the same rows, of one file, a folder, a pattern or hive partitions."""

import gzip
import logging
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.contract import ProblemsError
from pipelines.ingestion.readers import FORMATS, open_transactions
from tests.pipelines.ingestion.readers.tables import (
    FORMS,
    declare,
    parquet,
    read,
    read_all,
    write_columns,
    write_csv,
)


def form_of(ending: str) -> str:
    return ending.partition(".")[0]


@pytest.mark.parametrize("ending", FORMS)
@pytest.mark.parametrize("batch", [1, 2, 1_000_000])
def test_the_same_rows_come_of_every_format(tmp_path: Path, ending: str, batch: int) -> None:
    columns = {
        "tx": ["a", "b", "c"],
        "at": ["2025-01-01", "2025-01-02T03:04:05.678", "2025-01-02 03:04:05+01:00"],
        "amount": [1.25, 0.1, 3.0],
        "channel": ["web", None, "pos"],
        "fraud": [0, None, 1],
    }
    write_columns(tmp_path / f"bank.{ending}", columns)
    spec = declare(tmp_path, f"bank.{ending}", form=form_of(ending))
    rows = read(spec, rows=batch)
    assert rows.column_names == [
        "transaction_id", "event_time", "known_time", "amount", "customer_id", "channel", "weight",
        "is_fraud",
    ]  # fmt: skip
    assert rows["transaction_id"].to_pylist() == ["a", "b", "c"]
    assert rows["event_time"].to_pylist() == [
        datetime(2025, 1, 1, tzinfo=UTC),
        datetime(2025, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
        datetime(2025, 1, 2, 2, 4, 5, tzinfo=UTC),
    ]
    assert rows["known_time"].equals(rows["event_time"])
    assert rows["amount"].to_pylist() == [1.25, 0.1, 3.0]
    assert rows["channel"].to_pylist() == ["web", None, "pos"]
    assert rows["is_fraud"].to_pylist() == [0.0, None, 1.0]
    assert rows["customer_id"].to_pylist() == ["7"] * 3


def test_the_formats_are_those_that_a_spec_may_name() -> None:
    assert {*FORMATS} == {"parquet", "csv", "jsonl", "delta"}


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_is_cut_short_or_no_such_file_is_told_with_its_address(
    tmp_path: Path, form: str
) -> None:
    path = tmp_path / f"bank.{form}{'.gz' if form in ('csv', 'jsonl') else ''}"
    write_columns(path, {"tx": [f"t{n}" for n in range(1_000)]})
    cut = next(path.glob("*.parquet")) if form == "delta" else path
    cut.write_bytes(cut.read_bytes()[:-20])
    reader = open_transactions(declare(tmp_path, path.name, form=form), filed=None)
    problems = reader.problems(reader.files())
    if not problems:
        with pytest.raises(ProblemsError) as caught:
            list(reader.batches(reader.files()[0]))
        problems = [*caught.value.problems]
    (problem,) = problems
    where = f"{path}: {path.name}@v0" if form == "delta" else path
    assert f"source.path: {where} cannot be read as {form}" in problem
    for missing in ("none.csv", "empty.csv", "folder"):
        (tmp_path / "empty.csv").touch()
        (tmp_path / "folder").mkdir(exist_ok=True)
        reader = open_transactions(declare(tmp_path, missing, form=form), filed=None)
        (problem,) = reader.problems(reader.files())
        assert problem.startswith(f"source.path: {tmp_path / missing} ")


def test_several_members_of_gzip_are_one_file(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", {"tx": "1"}, {"tx": "2"})
    head, first, second = (tmp_path / "a.csv").read_bytes().splitlines(keepends=True)
    parts = gzip.compress(head + first) + gzip.compress(second)
    (tmp_path / "bank.csv.gz").write_bytes(parts)
    assert read(declare(tmp_path, "bank.csv.gz"))["transaction_id"].to_pylist() == ["1", "2"]


def test_files_that_are_no_data_are_left_out_of_a_folder_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_csv(tmp_path / "bank" / "b.csv", {"tx": "2"})
    write_csv(tmp_path / "bank" / "2025" / "a.csv.gz", {"tx": "1"})
    zipped = tmp_path / "bank" / "2025" / "a.csv.gz"
    zipped.write_bytes(gzip.compress(zipped.read_bytes()))
    write_csv(tmp_path / "bank" / "part-00000", {"tx": "3"})
    for name in ("README.txt", "_SUCCESS", ".hidden.csv", "_temporary/0.csv", "empty.csv"):
        (tmp_path / "bank" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "bank" / name).write_text("" if name == "empty.csv" else "no data")
    (tmp_path / "bank" / "nothing").mkdir()
    reader = open_transactions(declare(tmp_path, "bank"), filed=None)
    with caplog.at_level(logging.INFO):
        files = reader.files()
    assert [file.name for file in files] == ["2025/a.csv.gz", "b.csv", "part-00000"]
    assert files[1].address == str(tmp_path / "bank" / "b.csv")
    assert files[1].size == (tmp_path / "bank" / "b.csv").stat().st_size
    assert files[1].modified.timestamp() == pytest.approx(
        (tmp_path / "bank" / "b.csv").stat().st_mtime, abs=1e-5
    )
    assert read_all(reader)["transaction_id"].to_pylist() == ["1", "2", "3"]
    for name in ("README.txt", "_SUCCESS", ".hidden.csv", "_temporary/0.csv", "empty.csv"):
        assert name in caplog.text


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("2025-*/*.csv", ["2025-01/a.csv", "2025-02/b.csv"]),
        ("2025-0[!1]/?.csv", ["2025-02/b.csv"]),
        ("**/*.csv", ["2024-12/c.csv", "2025-01/a.csv", "2025-02/b.csv", "2025-02/deep/d.csv"]),
        ("2025-02/*.txt", ["2025-02/notes.txt"]),
    ],
)
def test_a_pattern_names_files(tmp_path: Path, pattern: str, found: list[str]) -> None:
    folder = tmp_path / "bank [1]"
    for name in (
        "2024-12/c.csv", "2025-01/a.csv", "2025-02/b.csv", "2025-02/deep/d.csv", "2025-02/notes.txt"
    ):  # fmt: skip
        write_csv(folder / name, {})
    reader = open_transactions(declare(tmp_path, "bank [[]1]/" + pattern), filed=None)
    assert [Path(f.address).relative_to(folder).as_posix() for f in reader.files()] == found
    assert all(f.address.endswith(f"/{f.name}") for f in reader.files())


def test_folders_named_by_a_key_are_columns(tmp_path: Path) -> None:
    for name in ("channel=web", "channel=p%20o", "channel=__HIVE_DEFAULT_PARTITION__"):
        path = tmp_path / "bank" / name / "1.csv"
        path.parent.mkdir(parents=True)
        path.write_text("tx,at,amount,customer,weight,fraud\n1,2025-01-01,5,7,2,0\n")
    rows = read(declare(tmp_path, "bank"))
    assert rows["channel"].to_pylist() == [None, "p o", "web"]


def test_the_columns_of_a_folder_are_those_of_all_its_files(tmp_path: Path) -> None:
    one = pa.array(["1"])
    parquet(tmp_path / "bank" / "1.parquet", tx=one, channel=pa.nulls(1), weight=pa.array([3]))
    parquet(tmp_path / "bank" / "2.parquet", tx=one, channel=pa.array(["web"]))
    parquet(tmp_path / "bank" / "3.parquet", tx=one, weight=pa.array([2.5]))
    path = tmp_path / "bank" / "3.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["channel"]), path)
    spec = declare(tmp_path, "bank", form="parquet")
    rows = read(spec)
    assert rows["channel"].to_pylist() == [None, "web", None]
    assert rows["weight"].to_pylist() == [3.0, 2.0, 2.5]
    # Of a night that brings the third file alone, the column is still one of the folder.
    reader = open_transactions(spec, filed=None)
    assert reader.problems(reader.files()[2:]) == []
    for number in (1, 2):
        (tmp_path / "bank" / f"{number}.parquet").unlink()
    reader = open_transactions(spec, filed=None)
    (problem,) = reader.problems(reader.files())
    assert "3.parquet: no column 'channel' for channel" in problem


def test_every_file_without_a_role_is_told(tmp_path: Path) -> None:
    write_csv(tmp_path / "bank" / "1.csv", {})
    (tmp_path / "bank" / "2.csv").write_text("tx,at,customer,channel,weight,fraud\n")
    reader = open_transactions(declare(tmp_path, "bank"), filed=None)
    (problem,) = reader.problems(reader.files())
    assert problem.startswith("2.csv: no column 'amount' for amount; the file has tx, at, customer")
