"""What killed processes left in the lake, and what is none of it."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.lake.tables import Lake
from pipelines.lake.vacuum import vacuum_tables

NOW = datetime(2025, 6, 1, tzinfo=UTC)
ROWS = pa.table(
    {
        "event_day": ["2025-01-01"],
        "event_time": pa.array([datetime(2025, 1, 1, 3, tzinfo=UTC)], pa.timestamp("us", tz="UTC")),
        "transaction_id": [1],
    }
)

GIVEN_UP = "-dac_override,-dac_read_search"
SWEEP = """
import sys
from datetime import datetime
from pipelines.lake.tables import Lake
from pipelines.lake.vacuum import vacuum_tables
print(vacuum_tables(Lake(sys.argv[1], spec="cards"), now=datetime.fromisoformat(sys.argv[2])))
"""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two versions of a table, whose only day was replaced; beside them what a kill leaves."""
    made = Lake(str(tmp_path), spec="cards")
    made.write_days("rows", ROWS, fingerprint="first")
    other = ROWS.set_column(2, "transaction_id", pa.array([2]))
    made.write_days("rows", other, fingerprint="second")
    day = tmp_path / "cards/rows/event_day=2025-01-01"
    (day / "part-0123456789abcdef0123.parquet").write_bytes(b"never named")
    (day / "part-0123456789abcdef0123.0f.partial").write_bytes(b"torn")
    (tmp_path / "cards/rows/.jobs/0123").mkdir(parents=True)
    (tmp_path / "cards/rows/.jobs/0123/answer.json").write_bytes(b"names the never named")
    for file in (tmp_path / "cards").rglob("*"):
        os.utime(file, (0, (NOW - timedelta(days=3)).timestamp()))
    return made


def files(lake: Lake) -> set[str]:
    return {path.name for path in Path(lake.root).rglob("part-*")}


def test_what_no_version_names_goes_and_every_version_can_still_be_read(lake: Lake) -> None:
    assert vacuum_tables(lake, now=NOW) == 3
    assert not list(Path(lake.root).rglob("answer.json"))
    assert len(files(lake)) == 2
    latest = lake.latest("rows")
    assert latest is not None
    ids = [
        lake.read(type(latest)("rows", version))["transaction_id"].to_pylist()
        for version in (latest.version - 1, latest.version)
    ]
    assert ids == [[1], [2]]


def test_what_is_younger_than_two_days_may_be_about_to_be_committed(lake: Lake) -> None:
    assert vacuum_tables(lake, now=NOW - timedelta(days=1, hours=1)) == 0
    assert len(files(lake)) == 4


def test_a_store_that_lets_nothing_be_deleted_ends_nothing(lake: Lake, tmp_path: Path) -> None:
    # Root may write whatever the mode says, unless it gave that up.
    humbly = ["setpriv", f"--bounding-set={GIVEN_UP}", f"--inh-caps={GIVEN_UP}"]
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    folders = [tmp_path, *(path for path in tmp_path.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    ran = subprocess.run(
        [*(humbly if os.geteuid() == 0 else []), sys.executable, "-c", SWEEP, tmp_path, str(NOW)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    for folder in folders:
        folder.chmod(0o755)
    assert (ran.returncode, ran.stdout) == (0, "0\n"), ran.stderr
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before
    assert vacuum_tables(lake, now=NOW) == 3
