"""The profile of one day's rows: all that is kept of them, so that they are not read again.

It depends on these rows and on the columns' declarations only, so it holds until one of them
changes. Metrics that compare days are computed in `expectations.profile.table`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations import day_metrics
from expectations.contract import EVENT_TIME, KNOWN_TIME, TRANSACTION_ID, Column
from expectations.day_metrics import Metrics
from expectations.profile.repeated_ids import IdRange
from expectations.results import EXAMPLES

# Raise it when equal rows give another metric: results of another number do not compare.
PROFILE_VERSION = 2
MOST_VALUES = 1_000


@dataclass(frozen=True, slots=True)
class DayProfile:
    """Facts about a day's rows, as they are kept.

    Attributes:
        day: that they are filed under.
        rows: their number.
        metrics: by name, of this day alone.
        examples: the first ids that a counting metric counted, where it counted any.
        ids: between which ids they lie; None without ids.
        hours: rows of each hour; empty without times.
        latest_event: the latest event time in microseconds; None without times.
        values: of text columns with at most `MOST_VALUES` values, how often each occurs, as JSON:
            a tenth of the memory.
    """

    day: str
    rows: int
    metrics: Metrics
    examples: Mapping[str, Sequence[object]] = field(default_factory=dict)
    ids: IdRange | None = None
    hours: Sequence[int] = ()
    latest_event: int | None = None
    values: str = "{}"

    def count_values(self) -> dict[str, dict[str, int]]:
        """Return how often each value of each text column occurs."""
        counted: dict[str, dict[str, int]] = json.loads(self.values)
        return counted

    def to_text(self) -> str:
        """Write all but the values as JSON."""
        ids = None if self.ids is None else [self.ids.low, self.ids.high, self.ids.is_unique]
        content = {
            "rows": self.rows,
            "metrics": self.metrics,
            "examples": self.examples,
            "ids": ids,
            "hours": [int(count) for count in self.hours],
            "latest_event": self.latest_event,
        }
        return json.dumps(content)

    @classmethod
    def from_text(cls, day: str, content: str) -> "DayProfile":
        """Read what `to_text` wrote."""
        read = json.loads(content)
        ids = None if read["ids"] is None else IdRange(read["rows"], *read["ids"])
        return cls(
            day, read["rows"], read["metrics"], read["examples"], ids, read["hours"],
            read["latest_event"],
        )  # fmt: skip


def measure_day(
    columns: Sequence[Column], day: str, rows: pa.Table, *, happened_before: datetime
) -> DayProfile:
    """Measure the rows of a day.

    Args:
        columns: those that are measured.
        day: that the rows are filed under.
        rows: all of the day, at least one.
        happened_before: no event may lie at or after it.
    """
    metrics: Metrics = {}
    masks: day_metrics.Masks = {}
    values: dict[str, dict[str, int]] = {}
    for column in columns:
        measured, marked = _measure_column(column, rows, values)
        metrics |= measured
        masks |= marked
    names = {column.name for column in columns}
    hours: Sequence[int] = ()
    latest = None
    if EVENT_TIME in names:
        events = day_metrics.microseconds(rows[EVENT_TIME])
        known = day_metrics.microseconds(rows[KNOWN_TIME]) if KNOWN_TIME in names else None
        found, marked = day_metrics.measure_times(
            day, events, known, happened_before=happened_before
        )
        metrics |= found
        for name, mask in marked.items():
            metrics[name] = float(np.count_nonzero(mask))
        masks |= marked
        hours, latest = day_metrics.count_hours(events).tolist(), int(events.max())
    ids = IdRange.of(rows[TRANSACTION_ID]) if TRANSACTION_ID in names else None
    examples = _examples(masks, rows)
    counted = json.dumps(values)
    return DayProfile(day, rows.num_rows, metrics, examples, ids, hours, latest, counted)


def _measure_column(
    column: Column, rows: pa.Table, values: dict[str, dict[str, int]]
) -> tuple[Metrics, day_metrics.Masks]:
    """Measure one column; the counts of its values go into `values`."""
    found = rows[column.name].combine_chunks()
    absent = day_metrics.missing(found)
    masks = {f"{column.name}.missing": absent}
    metrics: Metrics = {}
    if column.is_numeric:
        metrics, outside = day_metrics.measure_numbers(column, found, absent)
        masks |= outside
    elif column.allowed:
        masks[f"{column.name}.not_allowed"] = day_metrics.not_allowed(found, column.allowed)
    elif column.kind == "text" and pc.count_distinct(found).as_py() <= MOST_VALUES:
        values[column.name] = day_metrics.count_values(found)
    metrics |= {name: float(np.count_nonzero(mask)) for name, mask in masks.items()}
    lost = metrics[f"{column.name}.missing"]
    metrics[f"{column.name}.present"] = rows.num_rows - lost
    metrics[f"{column.name}.missing_rate"] = lost / max(rows.num_rows, 1)
    return metrics, masks


def _examples(masks: day_metrics.Masks, rows: pa.Table) -> dict[str, list[object]]:
    """Take the first ids that each mask marks."""
    if TRANSACTION_ID not in rows.column_names:
        return {}
    ids = rows[TRANSACTION_ID]
    positions = {name: np.flatnonzero(mask)[:EXAMPLES] for name, mask in masks.items()}
    return {
        name: ids.take(pa.array(found)).to_pylist()
        for name, found in positions.items()
        if len(found)
    }
