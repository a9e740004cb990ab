"""A source file with its spec and its lake in a folder, for tests of what happens to deliveries."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.config.spec import ModelSpec, load_spec
from pipelines.ingestion.ingest import ingest_delivery
from pipelines.ingestion.ingested import Ingested
from pipelines.lake.tables import Lake

TIME = pa.timestamp("us", tz="UTC")
COLUMN = 'column = "fraud"\ndelay = "7d"'
TABLES = ("transactions", "labels", "quarantine")
SPEC = """
[source]
path = "{file}"
format = "{form}"
[source.roles]
transaction_id = "id"
event_time = "at"
{known}
amount = "amt"
[source.entities]
customer_id = "cust"
[source.attributes]
channel = {{ column = "channel", kind = "categorical" }}
[labels]
{labels}
maturity = "7d"
[contract]
max_quarantined_share = {share}
{contract}
"""


def hour(number: float) -> datetime:
    return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=number)


def delivery(count: int = 20, *, first: int = 0, **changed: list[object]) -> pa.Table:
    """A transaction every three hours, each known at once."""
    numbers = range(first, first + count)
    columns: dict[str, object] = {
        "id": list(numbers),
        "at": pa.array([hour(3 * n) for n in numbers], TIME),
        "seen": pa.array([hour(3 * n) for n in numbers], TIME),
        "amt": [10.0 + n for n in numbers],
        "cust": [n % 3 for n in numbers],
        "channel": ["web" if n % 2 else "pos" for n in numbers],
        "fraud": [int(n % 7 == 0) for n in numbers],
    }
    return pa.table(columns | changed)


def change(rows: pa.Table, **at: dict[int, object]) -> pa.Table:
    """Rows in which single values of columns are others: `amt={3: -1.0}`."""
    for column, values in at.items():
        listed = rows[column].to_pylist()
        for position, value in values.items():
            listed[position] = value
        kind = rows.schema.field(column).type
        place = rows.schema.get_field_index(column)
        rows = rows.set_column(place, column, pa.array(listed, kind))
    return rows


class Bank:
    """A source file, its spec and its lake in a folder."""

    def __init__(
        self,
        folder: Path,
        *,
        contract: str = "",
        known: str = "",
        form: str = "parquet",
        share: float = 0.5,
        labels: str = COLUMN,
    ) -> None:
        self.file = folder / f"cards.{form}"
        self._folder, self._form = folder, form
        self._declared = {"known": known, "share": share, "labels": labels}
        self.spec = self.declare(contract)
        self.lake = Lake(str(folder / "lake"), spec="cards")

    def declare(self, contract: str) -> ModelSpec:
        """Write the spec with more lines in its contract, and load it."""
        text = SPEC.format(file=self.file, form=self._form, contract=contract, **self._declared)
        (self._folder / "cards.toml").write_text(text)
        self.spec = load_spec(str(self._folder / "cards.toml"))
        return self.spec

    @property
    def toml(self) -> str:
        """Path of the spec."""
        return str(self._folder / "cards.toml")

    def deliver(self, rows: pa.Table) -> Ingested:
        pq.write_table(rows, self.file)
        return ingest_delivery(self.spec, self.lake)

    def state(self) -> dict[str, str]:
        """Content hash and version of every table."""
        tables = (self.lake.latest(t) for t in TABLES)
        return {str(t): self.lake.content_hash(t) for t in tables if t is not None}

    def rows(self, table: str = "transactions") -> list[dict[str, object]]:
        at = self.lake.latest(table)
        return [] if at is None else self.lake.read(at).to_pylist()
