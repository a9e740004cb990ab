"""A bank whose customers are a table of their own, delivered as files of any day."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.config import ModelSpec, load_spec
from pipelines.ingestion.ingest import ingest_delivery
from pipelines.ingestion.ingested import Ingested
from pipelines.lake import Lake

START = datetime(2025, 1, 1, tzinfo=UTC)
SPEC = """
[source]
format = "csv"
path = "{folder}/rows"
[source.roles]
transaction_id = "id"
event_time = "at"
amount = "amount"
{roles}
[source.entities]
customer_id = "customer"
{tables}
[labels]
path = "{folder}/reports.csv"
transaction_id = "id"
known_time = "reported"
maturity = "7d"
[contract]
max_quarantined_share = 0.9
{contract}
"""
CUSTOMERS = """
[[source.tables]]
name = "customers"
path = "{folder}/customers"
key = {{ customer_id = "number" }}
{more}
[source.tables.attributes]
segment = {{ column = "segment", kind = "categorical" }}
born = {{ column = "born", kind = "numeric" }}
"""
KNOWN = 'known_time = "updated"'


def at(day: float) -> datetime:
    """Return the moment so many days after the start."""
    return START + timedelta(days=day)


def text(day: float) -> str:
    """Write a moment as the files have it."""
    return f"{at(day):%Y-%m-%d %H:%M:%S}"


class Bank:
    """A folder with transactions, a joined table, their spec and lake."""

    def __init__(
        self, folder: Path, tables: str = "", *, more: str = KNOWN, contract: str = "",
        roles: str = "",
    ) -> None:  # fmt: skip
        self.folder = folder
        self.lake = Lake(str(folder / "lake"), spec="bank")
        for name in ("rows", "customers"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.write("reports.csv", "id,reported", [], day=0)
        self.declare(tables or CUSTOMERS.format(folder=folder, more=more), contract, roles)

    def declare(self, tables: str, contract: str = "", roles: str = "") -> ModelSpec:
        """Write the spec with these tables."""
        path = self.folder / "bank.toml"
        path.write_text(
            SPEC.format(folder=self.folder, tables=tables, contract=contract, roles=roles)
        )
        self.spec = load_spec(str(path))
        return self.spec

    def write(self, name: str, header: str, lines: Sequence[str], *, day: float) -> None:
        """Write a file that was last changed on a day."""
        path = self.folder / name
        path.write_text("\n".join([header, *lines]) + "\n")
        moment = at(day).timestamp()
        os.utime(path, (moment, moment))

    def deliver(
        self, rows: Sequence[str] = (), customers: Sequence[str] = (), *, day: float,
        header: str = "number,updated,segment,born",
    ) -> Ingested:  # fmt: skip
        """Write the files of a night, and ingest them."""
        stamp = f"{day:09.3f}.csv"
        if rows:
            self.write(f"rows/{stamp}", "id,at,amount,customer", rows, day=day)
        if customers:
            self.write(f"customers/{stamp}", header, customers, day=day)
        return self.night(day)

    def night(self, day: float) -> Ingested:
        """Ingest as of a day."""
        return ingest_delivery(self.spec, self.lake, as_of=at(day))

    def versions(self) -> list[Mapping[str, object]]:
        """Every version of a transaction."""
        found = self.lake.latest("transactions")
        assert found is not None
        return self.lake.read(found).to_pylist()

    def segments(self) -> dict[str, object]:
        """The segment of each transaction, as it was scored."""
        rows = [row for row in self.versions() if row["is_first"]]
        assert len({row["transaction_id"] for row in rows}) == len(rows)
        return {str(row["transaction_id"]): row["segment"] for row in rows}


def row(name: str, day: float, customer: object = "7") -> str:
    """Write a transaction."""
    return f"{name},{text(day)},10,{customer}"


def customer(number: object, day: float, segment: str, born: object = 1980) -> str:
    """Write a row of the joined table."""
    return f"{number},{text(day)},{segment},{born}"
