import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from expectations.contract import InputError
from pipelines.config.references import TableVersion
from pipelines.lake.day_files import split_days
from pipelines.lake.tables import Lake

SCHEMA = pa.schema(
    [
        ("transaction_id", pa.int64()),
        ("event_time", pa.timestamp("us", tz="UTC")),
        ("amount", pa.float64()),
        ("event_day", pa.string()),
    ]
)


def rows(*given: tuple[int, int, float]) -> pa.Table:
    """Transactions of January 2025, each (id, day of the month, amount)."""
    return pa.Table.from_pylist(
        [
            {
                "transaction_id": number,
                "event_time": datetime(2025, 1, day, tzinfo=UTC),
                "amount": amount,
                "event_day": f"2025-01-{day:02}",
            }
            for number, day, amount in given
        ],
        schema=SCHEMA,
    )


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path), spec="cards")


def test_what_is_written_is_read_back_ordered_by_day_time_and_id(lake):
    at = lake.write_days(
        "transactions", rows((3, 2, 30.0), (2, 1, 20.0), (1, 1, 10.0)), fingerprint="a"
    )
    assert lake.read(at).to_pydict()["transaction_id"] == [1, 2, 3]
    assert lake.row_count(at) == 3
    assert lake.fingerprint(at) == "a"


def test_the_same_rows_in_another_order_commit_nothing_new(lake):
    first = lake.write_days("transactions", rows((1, 1, 10.0), (2, 2, 20.0)), fingerprint="a")
    again = lake.write_days("transactions", rows((2, 2, 20.0), (1, 1, 10.0)), fingerprint="a")
    assert again == first
    assert len(lake.files(first)) == 2


def test_a_day_is_replaced_and_the_others_keep_their_files(lake):
    first = lake.write_days("transactions", rows((1, 1, 10.0), (2, 2, 20.0)), fingerprint="a")
    second = lake.write_days("transactions", rows((3, 2, 99.0)), fingerprint="b")
    assert lake.read(second).to_pydict()["transaction_id"] == [1, 3]
    assert len(set(lake.files(first)) & set(lake.files(second))) == 1


def test_a_pinned_version_reads_as_it_was_and_keeps_its_content_hash(lake):
    first = lake.write_days("transactions", rows((1, 1, 10.0)), fingerprint="a")
    before = lake.content_hash(first)
    second = lake.write_days("transactions", rows((1, 1, 11.0)), fingerprint="a")
    assert lake.read(first).to_pydict()["amount"] == [10.0]
    assert lake.content_hash(first) == before != lake.content_hash(second)


def test_going_back_to_earlier_rows_gives_the_earlier_content_hash(lake):
    first = lake.write_days("transactions", rows((1, 1, 10.0)), fingerprint="a")
    lake.write_days("transactions", rows((1, 1, 11.0)), fingerprint="a")
    third = lake.write_days("transactions", rows((1, 1, 10.0)), fingerprint="a")
    assert third.version > first.version
    assert lake.content_hash(third) == lake.content_hash(first)


def test_emptied_days_lose_their_rows(lake):
    lake.write_days("transactions", rows((1, 1, 10.0), (2, 2, 20.0)), fingerprint="a")
    at = lake.write_days(
        "transactions", rows((1, 1, 10.0)), fingerprint="a", empty_days=["2025-01-02"]
    )
    assert lake.read(at).to_pydict()["transaction_id"] == [1]


def test_new_columns_replace_the_whole_table_when_all_days_come(lake):
    lake.write_days("features", rows((1, 1, 10.0)), fingerprint="a")
    wider = rows((1, 1, 10.0)).append_column("count", pa.array([4.0]))
    at = lake.write_days("features", wider, fingerprint="b")
    assert lake.read(at).to_pydict()["count"] == [4.0]


@pytest.mark.parametrize("is_told_by", ["the table", "each commit"])
def test_old_versions_stay_readable_past_checkpoints_and_thirty_days(lake, is_told_by):
    first = lake.write_days("features", rows((1, 1, 10.0)), fingerprint="0")
    # A checkpoint at every third commit instead of every hundredth.
    properties = {"delta.checkpointInterval": "3"}
    if is_told_by == "each commit":  # as tables that were made before
        properties["delta.enableExpiredLogCleanup"] = "true"
    DeltaTable(lake.folder("features")).alter.set_table_properties(properties)
    log = Path(lake.folder("features")) / "_delta_log"
    before = set()
    for number in range(8):
        made = rows((1, 1, float(number)))
        if number % 2:
            lake.write_days("features", made, fingerprint=str(number))
        else:
            lake.append("features", made, at=lake.latest("features"))
        for path in log.iterdir():
            os.utime(path, (0, 0))
        assert before <= (before := {path.name for path in log.iterdir()} - {"_last_checkpoint"})
    assert any("checkpoint.parquet" in name for name in before)
    assert lake.read(first).to_pydict()["amount"] == [10.0]
    assert lake.parts(TableVersion("features", 0)) == []


def test_new_columns_for_some_days_are_refused_and_nothing_is_lost(lake):
    first = lake.write_days("features", rows((1, 1, 10.0), (2, 2, 20.0)), fingerprint="a")
    wider = rows((2, 2, 20.0)).append_column("count", pa.array([4.0]))
    with pytest.raises(InputError, match="2025-01-01"):
        lake.write_days("features", wider, fingerprint="b")
    assert lake.latest("features") == first


def test_a_version_that_is_not_there_is_named_with_the_newest(lake):
    lake.write_days("features", rows((1, 1, 10.0)), fingerprint="a")
    with pytest.raises(InputError, match=r"features@v9.*at v1"):
        lake.read(TableVersion("features", 9))


@pytest.mark.parametrize("text", ["features", "features@3", "features@v", "@v3", ""])
def test_a_reference_of_another_form_is_refused(text):
    with pytest.raises(InputError, match="features@v12"):
        TableVersion.parse(text)


def test_rows_are_split_at_each_day() -> None:
    rows = pa.table({"event_day": ["2025-01-01", "2025-01-02", "2025-01-02"], "n": [2, 1, 3]})
    split = [(day, own["n"].to_pylist()) for day, own in split_days(rows)]
    assert split == [("2025-01-01", [2]), ("2025-01-02", [1, 3])]
