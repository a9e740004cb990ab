"""An ingestion divided among Spark's workers leaves the bytes that one process leaves."""

import os
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from expectations.contract import InputError
from pipelines.config.installation.settings import load_settings
from pipelines.ingestion.cluster.divided import divide
from pipelines.ingestion.readers import TableReader
from pipelines.lake import vacuum_tables
from tests.pipelines.ingestion.cluster.deliveries import (
    KINDS,
    WRITTEN,
    ingest,
    rows_of_other_clock,
    traces,
    write_delivery,
)

pytestmark = pytest.mark.usefixtures("one_spark")


@pytest.fixture
def divided(home: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:  # noqa: ARG001
    """Settings under which every ingestion is a Spark job."""
    monkeypatch.setenv("OVERNIGHT_SPARK", "local[2]")
    monkeypatch.setenv("OVERNIGHT_SPARK_FROM_ROWS", "0")
    load_settings.cache_clear()
    return monkeypatch


def use_one_process(divided: pytest.MonkeyPatch) -> None:
    divided.setenv("OVERNIGHT_SPARK_FROM_ROWS", "")
    load_settings.cache_clear()


@pytest.mark.parametrize("kind", KINDS)
def test_a_first_load_leaves_the_bytes_of_one_process(
    kind: str, divided: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = write_delivery(tmp_path / "source", kind=kind)
    told, lake = ingest(spec, tmp_path / "spark")
    use_one_process(divided)
    expected, other = ingest(spec, tmp_path / "here")
    assert told == expected
    assert traces(lake) == traces(other)
    # 366 rows, 5 corrections among them; one stands twice, and two have negative amounts.
    assert (told.read, told.kept, told.quarantined) == (366, 363, 3)
    assert len(lake.parts(told.transactions)) == 10


def test_rows_are_read_and_filed_by_workers(divided: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("read or merged in this process")

    divided.setattr("pipelines.ingestion.ingest.read_transactions", refuse)
    divided.setattr("pipelines.ingestion.ingest.merge_in_threads", refuse)
    told, _ = ingest(write_delivery(tmp_path / "source", kind="column"), tmp_path / "lake")
    assert told.kept == 363


def test_a_delivery_that_is_refused_is_refused_in_the_same_words(
    divided: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = write_delivery(tmp_path / "clock", kind="column", last=rows_of_other_clock())
    many = write_delivery(tmp_path / "many", kind="column")
    many = many.model_copy(
        update={"contract": many.contract.model_copy(update={"max_quarantined_share": 0.001})}
    )
    said = []
    for name in ("spark", "here"):
        for each in (spec, many):
            with pytest.raises(InputError) as refused:
                ingest(each, tmp_path / name)
            said.append(str(refused.value))
        assert not list((tmp_path / name).glob("*/*/_delta_log"))
        assert not list((tmp_path / name).rglob(".delivery-*"))
        use_one_process(divided)
    assert said[:2] == said[2:]
    assert said[0].startswith("event_time of 6.parquet runs 3 h ahead of known_time")
    assert said[1].startswith("3 of 366 rows of cards (0.8%) broke a rule")


def test_a_source_that_workers_do_not_see_is_named(
    divided: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty = TableReader.empty

    def lose(reader: TableReader) -> pa.Table:
        for file in (tmp_path / "source/cards").glob("*"):
            file.unlink()
        return empty(reader)

    divided.setattr(TableReader, "empty", lose)  # called before the workers are
    spec = write_delivery(tmp_path / "source", kind="column")
    with pytest.raises(InputError, match=r"A Spark worker does not find .*0\.parquet"):
        ingest(spec, tmp_path / "lake")


def test_what_a_killed_ingestion_shared_with_workers_is_removed_after_two_days(
    divided: pytest.MonkeyPatch,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    _, lake = ingest(write_delivery(tmp_path / "source", kind="column"), tmp_path / "lake")
    left = Path(lake.folder("transactions")) / ".delivery-ab/rows-0000000"
    left.mkdir(parents=True)
    (left / "0.arrow").write_bytes(b"rows")
    assert vacuum_tables(lake) == 0
    for path in (left / "0.arrow", left, left.parent):
        os.utime(path, (WRITTEN.timestamp(), WRITTEN.timestamp()))
    assert vacuum_tables(lake, now=WRITTEN + timedelta(days=3)) == 1
    assert not left.parent.exists()


def test_a_sequence_is_divided_into_runs_of_about_equal_size() -> None:
    assert list(divide([], most=4)) == []
    assert list(divide([1] * 16, most=4)) == [(n, n + 1) for n in range(16)]
    # A sixteenth of 64 is 4, of which a run has at most one element more than it needs.
    assert list(divide([1, 1, 1, 1, 30, 30], most=10)) == [(0, 4), (4, 5), (5, 6)]
    assert list(divide([100] * 40, most=200)) == [(n, n + 2) for n in range(0, 40, 2)]
