"""What the job reads of labels and of transactions that have later versions."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from feature_jobs.kernels import LABEL_TIMES, LABEL_VALUES
from feature_jobs.stages.read import load_known_frauds, read_firsts

TIME = pa.timestamp("us", tz="UTC")


def at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def test_a_null_label_takes_a_fraud_back_and_says_nothing_of_others(tmp_path: Path) -> None:
    lines = [(1, 5, None), (1, 3, 1), (2, 4, None), (3, 7, 1), (3, 9, 0), (3, 9, 1), (4, 1, 0)]
    ids, times, values = zip(*lines, strict=True)
    columns = {
        "transaction_id": pa.array(ids, pa.int64()),
        "known_time": pa.array([at(second) for second in times], TIME),
        "is_fraud": pa.array(values, pa.int8()),
    }
    pq.write_table(pa.table(columns), tmp_path / "labels.parquet")
    known = load_known_frauds([str(tmp_path / "labels.parquet")])
    assert known["transaction_id"].to_pylist() == [1, 3]
    assert known[LABEL_TIMES].to_pylist() == [[3_000_000, 5_000_000], [7_000_000] + [9_000_000] * 2]
    # Of two at one time the one that says fraud is the last.
    assert known[LABEL_VALUES].to_pylist() == [[1, 0], [1, 0, 1]]


def test_first_versions_are_read_of_files_with_and_without_later_ones(tmp_path: Path) -> None:
    amounts = {"transaction_id": [1, 2, 2], "amount": [5.0, 6.0, 7.0]}
    pq.write_table(pa.table(amounts), tmp_path / "old.parquet")
    versions = {
        "replaced_time": pa.array([None, at(9), None], TIME),
        "is_first": pa.array([True, None, False]),  # a null is a first version
    }
    pq.write_table(pa.table(amounts | versions), tmp_path / "new.parquet")
    asked = ["amount", "replaced_time"]
    old, new = (read_firsts(str(tmp_path / f"{name}.parquet"), asked) for name in ("old", "new"))
    assert old.to_pydict() == {"amount": [5.0, 6.0, 7.0], "replaced_time": [None] * 3}
    assert new.to_pydict() == {"amount": [5.0, 6.0], "replaced_time": [None, at(9)]}
    assert old.schema == new.schema
