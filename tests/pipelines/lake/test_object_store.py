"""A lake and a source in S3 are what they are in a folder."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.contract import InputError, OvernightError
from pipelines.config.references import TableVersion
from pipelines.ingestion.ingest import ingest_delivery
from pipelines.ingestion.quarantine_replay import replay_rows
from pipelines.ingestion.readers import open_transactions
from pipelines.ingestion.whole_delivery import survey_delivery
from pipelines.lake.check import check_table
from pipelines.lake.delta import ChangedSinceError
from pipelines.lake.tables import Lake
from tests.infra.object_store import BUCKET, list_keys, running_store
from tests.pipelines.banks import Bank, change, delivery

DAY = "2025-01-01"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_store(tmp_path_factory.mktemp("store")) as address:
        yield address


def rows(*amounts: float) -> pa.Table:
    times = pa.array([1_735_689_600_000_000 + n for n in range(len(amounts))])
    return pa.table(
        {
            "transaction_id": list(range(len(amounts))),
            "event_time": times.cast(pa.timestamp("us", tz="UTC")),
            "amount": list(amounts),
            "event_day": [DAY] * len(amounts),
        }
    )


def test_a_delivery_gives_the_same_tables_in_s3_as_in_a_folder(store: str, tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    bank.deliver(change(delivery(20), amt={3: -1.0}))
    expected = bank.state()
    bank.lake = Lake(f"{store}/same", spec="cards")
    ingest_delivery(bank.spec, bank.lake)
    assert bank.state() == expected
    assert set(expected) == {"transactions@v1", "labels@v1", "quarantine@v1"}
    # Nothing but parts and logs, and no marker of a folder.
    assert {key.rpartition(".")[2] for key in list_keys("same/")} == {"json", "parquet", "ids"}


def test_quarantined_rows_are_replayed_in_s3_as_in_a_folder(store: str, tmp_path: Path) -> None:
    bank = Bank(tmp_path, contract='allowed = { channel = ["pos", "web"] }')
    judged = bank.spec
    bank.deliver(change(delivery(20), channel={3: "app"}))
    mended = bank.declare("")
    assert replay_rows(mended, bank.lake) is not None
    expected = bank.state()
    bank.lake = Lake(f"{store}/replayed", spec="cards")
    ingest_delivery(judged, bank.lake)
    replayed = replay_rows(mended, bank.lake)
    assert replayed is not None
    assert replayed.kept == 1
    assert bank.state() == expected


def test_rows_come_back_from_s3_by_day_and_condition(store: str) -> None:
    lake = Lake(f"{store}/read", spec="cards")
    at = lake.write_days("scores", rows(1.0, 2.0), fingerprint="a")
    assert lake.read(at, columns=["amount"])["amount"].to_pylist() == [1.0, 2.0]
    (part,) = lake.parts(at)
    assert lake.read_part("scores", part, columns=["amount"])["amount"].to_pylist() == [1.0, 2.0]
    assert lake.write_days("scores", rows(1.0, 2.0), fingerprint="a") == at


def test_damaged_and_lost_objects_are_named_and_written_again(store: str) -> None:
    lake = Lake(f"{store}/damaged", spec="cards")
    at = lake.write_days("scores", rows(1.0, 2.0), fingerprint="a")
    (part,) = lake.parts(at)
    client, key = boto3.client("s3"), f"damaged/cards/scores/{part.path}"
    held = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def change() -> None:
        client.put_object(Bucket=BUCKET, Key=key, Body=held[:-1] + b"0")

    def lose() -> None:
        client.delete_object(Bucket=BUCKET, Key=key)

    for harm, said in ((change, "was changed"), (lose, "is missing")):
        harm()
        with pytest.raises(OvernightError, match=rf"scores@v1: {part.path} {said}"):
            lake.read(at)
        assert any(f"{part.path} {said}" in line for line in check_table(lake, "scores").problems)
        assert lake.write_days("scores", rows(1.0, 2.0), fingerprint="a") == at
        assert client.get_object(Bucket=BUCKET, Key=key)["Body"].read() == held
    assert check_table(lake, "scores").problems == ()


@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_a_damaged_log_entry_in_s3_is_named(store: str, content: bytes) -> None:
    lake = Lake(f"{store}/log-{len(content)}", spec="cards")
    at = lake.write_days("scores", rows(1.0), fingerprint="a")
    name = f"_delta_log/{at.version:020}.json"
    key = f"log-{len(content)}/cards/scores/{name}"
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)
    with pytest.raises(OvernightError, match=name):
        lake.latest("scores")


def test_of_two_writers_that_saw_the_same_version_one_wins(store: str) -> None:
    lake = Lake(f"{store}/race", spec="cards")
    at = lake.append("decisions", rows(0.0), at=None)

    def write(amount: float) -> TableVersion | ChangedSinceError:
        try:
            return lake.append("decisions", rows(amount), at=at)
        except ChangedSinceError as error:
            return error

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(write, [1.0, 2.0, 3.0, 4.0]))
    assert answers.count(TableVersion("decisions", 2)) == 1
    assert sum(isinstance(answer, ChangedSinceError) for answer in answers) == 3
    assert lake.row_count(TableVersion("decisions", 2)) == 2


def test_two_writers_that_replace_a_day_at_once_leave_the_rows_of_one(store: str) -> None:
    lake = Lake(f"{store}/replace", spec="cards")
    lake.write_days("scores", rows(0.0), fingerprint="first")

    def write(amount: float) -> str:
        try:
            return str(lake.write_days("scores", rows(amount), fingerprint=str(amount)))
        except ChangedSinceError as error:
            return str(error)

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(write, [1.0, 2.0]))
    latest = lake.latest("scores")
    assert latest is not None
    assert lake.read(latest)["amount"].to_pylist() in ([1.0], [2.0])
    assert str(latest) in answers


def test_a_source_is_read_from_s3(store: str, tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    sink = pa.BufferOutputStream()
    pq.write_table(delivery(20), sink)
    boto3.client("s3").put_object(
        Bucket=BUCKET, Key="in/cards.parquet", Body=sink.getvalue().to_pybytes()
    )
    source = bank.spec.source.model_copy(update={"path": f"{store}/in/cards.parquet"})
    spec = bank.spec.model_copy(update={"source": source})
    found = survey_delivery(spec)
    assert found.name == "cards.parquet"
    assert found.rows == 20
    # The folder of the file too.
    folder = source.model_copy(update={"path": f"{store}/in"})
    again = survey_delivery(spec.model_copy(update={"source": folder}))
    assert (again.rows, again.first, again.last) == (20, found.first, found.last)


def test_files_of_any_key_match_a_pattern_in_s3(store: str, tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    keys = ["day/2025#01/a b.parquet", "day/2025#02/ü%20?.parquet", "day/2024/none.parquet"]
    for number, key in enumerate(keys):
        sink = pa.BufferOutputStream()
        pq.write_table(delivery(5, first=5 * number), sink)
        boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=sink.getvalue().to_pybytes())
    source = bank.spec.source.model_copy(update={"path": f"{store}/day/2025*/*.parquet"})
    reader = open_transactions(bank.spec.model_copy(update={"source": source}), filed=None)
    assert [f.name for f in reader.files()] == ["2025#01/a b.parquet", "2025#02/ü%20?.parquet"]
    rows = [row for file in reader.files() for b in reader.batches(file) for row in b.to_pylist()]
    assert [row["transaction_id"] for row in rows] == [*range(10)]


def test_a_source_that_is_not_in_s3_is_named(store: str, tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    source = bank.spec.source.model_copy(update={"path": f"{store}/in/none.parquet"})
    with pytest.raises(InputError, match=rf"source\.path: {store}/in/none\.parquet does not exist"):
        survey_delivery(bank.spec.model_copy(update={"source": source}))
