"""Sources that a night reads piece by piece, a Delta table and a database, for tests."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from pipelines.config import ModelSpec, load_spec
from pipelines.ingestion.ingest import ingest_delivery
from pipelines.ingestion.ingested import Ingested
from pipelines.ingestion.readers import open_transactions
from pipelines.lake import Lake

TIME = pa.timestamp("us", tz="UTC")
START = datetime(2025, 1, 1, tzinfo=UTC)
CHANGE_FEED = {"delta.enableChangeDataFeed": "true"}
COLUMN = 'column = "fraud"\ndelay = "7d"'
SPEC = """
[source]
{source}
[source.roles]
transaction_id = "id"
event_time = "at"
amount = "amt"
{known}
[source.entities]
customer_id = "cust"
[labels]
{labels}
maturity = "7d"
[contract]
max_quarantined_share = 0.5
max_absent_share = 0.5
"""
QUERY = 'query = "select * from cards"\nconnection = "bank"\nincremental = "changed"'


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


def rows(*given: tuple[int, float]) -> pa.Table:
    """Transactions of ids and amounts; each happens in the hour of its id."""
    return pa.table(
        {
            "id": pa.array([number for number, _ in given], pa.int64()),
            "at": pa.array([hour(number) for number, _ in given], TIME),
            "amt": pa.array([amount for _, amount in given], pa.float64()),
            "cust": pa.array([number % 3 for number, _ in given], pa.int64()),
            "fraud": pa.array([int(number == 1) for number, _ in given], pa.int64()),
        }
    )


class Nights:
    """A spec and its lake in a folder; each night is as of a day later."""

    def __init__(self, folder: Path, source: str, *, labels: str = COLUMN, known: str = "") -> None:
        self.path = folder / "cards.toml"
        self.path.write_text(SPEC.format(source=source, labels=labels, known=known))
        self.spec: ModelSpec = load_spec(str(self.path))
        self.lake = Lake(str(folder / "lake"), spec="cards")
        self._as_of = START + timedelta(days=30)

    def redeclare(self, old: str, new: str) -> None:
        """Change the spec."""
        self.path.write_text(self.path.read_text().replace(old, new))
        self.spec = load_spec(str(self.path))

    def read(self) -> Ingested:
        self._as_of += timedelta(days=1)
        return ingest_delivery(self.spec, self.lake, as_of=self._as_of)

    def examine(self) -> pa.Table:
        """Read all that the source has, and file nothing."""
        reader = open_transactions(self.spec, filed=None)
        return pa.concat_tables(rows for file in reader.files() for rows in reader.batches(file))

    def versions(self, number: int) -> list[float | None]:
        """Amounts of the versions of a transaction in order; None where it was withdrawn."""
        own = [r for r in self.listed("transactions") if r["transaction_id"] == number]
        own.sort(key=lambda row: (row["known_time"], row["replaced_time"] is None))
        return [None if row["replaced_time"] == row["known_time"] else row["amount"] for row in own]

    def listed(self, table: str) -> list[dict[str, object]]:
        at = self.lake.latest(table)
        return [] if at is None else self.lake.read(at).to_pylist()

    def state(self) -> dict[str, str]:
        tables = [self.lake.latest(name) for name in ("transactions", "labels", "quarantine")]
        return {str(at): self.lake.content_hash(at) for at in tables if at is not None}


class Table:
    """A Delta table of someone else."""

    def __init__(self, path: Path | str, first: pa.Table, *, has_feed: bool = True) -> None:
        self.path = str(path)
        configuration = CHANGE_FEED if has_feed else None
        write_deltalake(self.path, first, configuration=configuration)

    def append(self, more: pa.Table, **options: object) -> None:
        write_deltalake(self.path, more, mode="append", **options)

    def overwrite(self, given: pa.Table, **options: object) -> None:
        write_deltalake(self.path, given, mode="overwrite", **options)

    @property
    def delta(self) -> DeltaTable:
        return DeltaTable(self.path)


class Database:
    """A SQLite database with a table `cards` whose column `changed` is a number."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.path = folder / "bank.db"
        patch.setenv("OVERNIGHT_CONNECTION_BANK", f"sqlite:///{self.path}")
        self.run(
            "create table cards (id integer, at text, amt numeric, cust integer, fraud integer, "
            "changed integer)"
        )

    def run(self, text: str, *values: object) -> None:
        with sqlite3.connect(self.path) as open_:
            open_.execute(text, values)
        open_.close()

    def put(self, number: int, amount: float, *, changed: int | None) -> None:
        """Insert a transaction, or change it."""
        self.run("delete from cards where id = ?", number)
        at = hour(number).isoformat()
        fraud = int(number == 1)
        self.run(
            "insert into cards values (?, ?, ?, ?, ?, ?)",
            number, at, amount, number % 3, fraud, changed,
        )  # fmt: skip
