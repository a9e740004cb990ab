"""A lake with every version of a row, made from a dictionary: the oracle of merged deliveries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.config.references import Snapshot
from pipelines.lake.tables import Lake

START = datetime(2025, 1, 1, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")
ROWS = pa.schema(
    [
        ("transaction_id", pa.int64()),
        ("event_time", TIME),
        ("known_time", TIME),
        ("amount", pa.float64()),
        ("customer_id", pa.int64()),
        ("channel", pa.string()),
        ("replaced_time", TIME),
        ("is_first", pa.bool_()),
        ("event_day", pa.string()),
    ]
)
LABELS = pa.schema(
    [
        ("transaction_id", pa.int64()),
        ("event_time", TIME),
        ("known_time", TIME),
        ("is_fraud", pa.int8()),
        ("event_day", pa.string()),
    ]
)
KEPT = ("transaction_id", "event_time", "known_time", "amount", "customer_id", "channel")


def at(days: float) -> datetime:
    return START + timedelta(days=days)


def day(number: int) -> str:
    return f"{at(number):%Y-%m-%d}"


@dataclass
class History:
    """What was ever delivered: rows and labels by id and known time, in days since the start.

    A row is `(event, amount)`, None where the transaction was withdrawn; a label 1, 0 or None.
    """

    rows: dict[tuple[int, float], tuple[float, float] | None] = field(default_factory=dict)
    labels: dict[tuple[int, float], int | None] = field(default_factory=dict)

    def versions(self) -> list[dict[str, Any]]:
        """Every version with the time it was replaced, in order of id and known time."""
        found: list[dict[str, Any]] = []
        for number, known in sorted(self.rows):
            row = self.rows[number, known]
            before = found[-1] if found and found[-1]["transaction_id"] == number else None
            if before is None and row is None:
                continue
            if before is not None and before["replaced_time"] is None:
                before["replaced_time"] = at(known)
            if row is None:
                assert before is not None
                copied = {"known_time": at(known), "replaced_time": at(known), "is_first": False}
                found.append({**before, **copied})
            else:
                found.append(
                    {
                        "transaction_id": number,
                        "event_time": at(row[0]),
                        "known_time": at(known),
                        "amount": row[1],
                        "customer_id": 0,
                        "channel": "web",
                        "replaced_time": None,
                        "is_first": before is None,
                        "event_day": f"{at(row[0]):%Y-%m-%d}",
                    }
                )
        return found

    def reports(self) -> list[dict[str, Any]]:
        """Every label, filed with the first version of its transaction."""
        first = {row["transaction_id"]: row for row in self.versions() if row["is_first"]}
        return [
            {
                "transaction_id": number,
                "event_time": first[number]["event_time"],
                "known_time": at(known),
                "is_fraud": label,
                "event_day": first[number]["event_day"],
            }
            for (number, known), label in sorted(self.labels.items())
            if number in first
        ]

    def write(self, lake: Lake) -> Snapshot:
        """Write both tables whole."""
        return Snapshot(
            replace_table(lake, "transactions", pa.Table.from_pylist(self.versions(), ROWS)),
            replace_table(lake, "labels", pa.Table.from_pylist(self.reports(), LABELS)),
        )

    def write_features(self, lake: Lake) -> Any:
        """Write the first versions in the place of features."""
        rows = pa.Table.from_pylist(self.versions(), ROWS)
        first = rows.filter(rows["is_first"]).select([*KEPT, "event_day"])
        return replace_table(lake, "features", first)


def replace_table(lake: Lake, table: str, rows: pa.Table) -> Any:
    """Make rows the only content of a table: ordered as ingestion orders versions."""
    ordered = rows.sort_by(
        [(c, "ascending") for c in ("event_day", "event_time", "transaction_id", "known_time")]
    )
    current = lake.latest(table)
    gone = set() if current is None else {part.day for part in lake.parts(current)}
    return lake.write_days(table, ordered, fingerprint="versions", empty_days=gone)


def known_before(rows: Iterable[Mapping[str, Any]], end: datetime) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["known_time"] < end]


def select_days(rows: pa.Table, days: Iterable[str]) -> pa.Table:
    return rows.filter(pc.is_in(rows["event_day"], value_set=pa.array(list(days), pa.string())))
