"""A first delivery of several files with faults, and all that an ingestion of it leaves behind."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.config import ModelSpec, load_spec
from pipelines.ingestion.ingest import ingest_delivery
from pipelines.ingestion.ingested import Ingested
from pipelines.lake import Lake

START = datetime(2025, 1, 1, tzinfo=UTC)
WRITTEN = datetime(2025, 3, 1, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")
FILES, ROWS = 6, 60
SPEC = """
[source]
path = "{folder}/cards"
[source.roles]
transaction_id = "id"
event_time = "at"
amount = "amount"
{known}
[source.entities]
customer_id = "customer"
[source.attributes.channel]
column = "channel"
kind = "categorical"
[labels]
{labels}
maturity = "2d"
[contract]
max_quarantined_share = 0.4
"""
COLUMN = 'column = "fraud"\ndelay = "30h"'
REPORTS = 'path = "{folder}/reports.parquet"\ntransaction_id = "id"\nknown_time = "reported"'
KNOWN = 'known_time = "known"'
# The kinds of source: how labels come, and what says when a row was known.
KINDS = {"column": (COLUMN, KNOWN), "reports": (REPORTS, KNOWN), "unversioned": (COLUMN, "")}


def write_delivery(folder: Path, *, kind: str, last: pa.Table | None = None) -> ModelSpec:
    """Write six files of ten days, and reports; every fault that one file alone does not show.

    File n has the transactions 100 n to 100 n + 59, each day's six. Beside them are
    - in each file but the first, a correction of a row of the file before, moved to another day
      for file 3: an id on two days and in two files;
    - in file 2, one row twice, which breaks a rule; in file 4 two rows with a negative amount;
    - reports of every tenth transaction, one of an unknown one, one before its event.

    Args:
        folder: receives them.
        kind: one of `KINDS`.
        last: rows of a further file.
    """
    (folder / "cards").mkdir(parents=True)
    for number in range(FILES):
        rows = [_row(100 * number + n, day=n // 6, minute=7 * n) for n in range(ROWS)]
        if number:
            again = dict(rows[6], id=100 * number - 94, amount=99.5)
            again["known"] = START + timedelta(days=20 + number)
            if number == 3:
                again["at"] += timedelta(days=2)
            rows.append(again)
        if number == 2:
            rows.append(dict(rows[3]))
        if number == 4:
            rows[10]["amount"] = rows[20]["amount"] = -1.0
        _write(folder / f"cards/{number}.parquet", pa.Table.from_pylist(rows, _SCHEMA))
    if last is not None:
        _write(folder / f"cards/{FILES}.parquet", last)
    told = [(100 * n, START + timedelta(days=12)) for n in range(FILES)]
    told += [(77_777, START + timedelta(days=12)), (159, START)]
    reports = {"id": [i for i, _ in told], "reported": pa.array([t for _, t in told], TIME)}
    _write(folder / "reports.parquet", pa.table(reports))
    labels, known = KINDS[kind]
    text = SPEC.format(folder=folder, known=known, labels=labels.format(folder=folder))
    (folder / "bank.toml").write_text(text)
    return load_spec(str(folder / "bank.toml"))


_SCHEMA = pa.schema(
    [("id", pa.int64()), ("at", TIME), ("known", TIME), ("amount", pa.float64()),
     ("customer", pa.string()), ("channel", pa.string()), ("fraud", pa.int64())]
)  # fmt: skip


def _row(number: int, *, day: int, minute: int) -> dict[str, object]:
    at = START + timedelta(days=day, minutes=minute)
    return {
        "id": number, "at": at, "known": at + timedelta(minutes=number % 3), "amount": 1.5 * minute,
        "customer": f"c{number % 7}", "channel": ("web", "pos", None)[number % 3],
        "fraud": int(number % 10 == 0),
    }  # fmt: skip


def rows_of_other_clock() -> pa.Table:
    """Rows whose events run three hours ahead of the times at which they were known."""
    rows = [_row(9_000 + n, day=1, minute=n) for n in range(ROWS)]
    return pa.Table.from_pylist(
        [row | {"known": row["at"] - timedelta(hours=3)} for row in rows], _SCHEMA
    )


def _write(path: Path, rows: pa.Table) -> None:
    pq.write_table(rows, path)
    os.utime(path, (WRITTEN.timestamp(), WRITTEN.timestamp()))


def ingest(spec: ModelSpec, root: Path) -> tuple[Ingested, Lake]:
    """Ingest a delivery into a lake of its own."""
    lake = Lake(str(root), spec="bank")
    return ingest_delivery(spec, lake), lake


def traces(lake: Lake) -> dict[str, object]:
    """List what an ingestion leaves behind, without the times of its commits.

    The data files and their tags by the Delta log, the other files of the lake with their bytes,
    and the rows of the manifest.
    """
    root = Path(lake.root)
    found: dict[str, object] = {}
    for log in sorted(root.glob("*/_delta_log/*.json")):
        actions = [json.loads(line) for line in log.read_text().splitlines()]
        added = [dict(each["add"], modificationTime=0) for each in actions if "add" in each]
        found[str(log.relative_to(root))] = sorted(added, key=lambda each: each["path"])
    for file in sorted(root.rglob("*")):
        if file.is_file() and "_delta_log" not in file.parts:
            found[str(file.relative_to(root))] = file.read_bytes()
    return found
