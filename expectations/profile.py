"""One pass over a table, day by day, into per-day metrics: all that the suites look at.

A metric is named `<column>.<statistic>`:

    missing, missing_rate   nulls, of numbers also NaN
    mean, min, max, sum     of what is not missing
    outside, not_allowed    rows that break the column's range or its list of values
    repeated                rows whose id stood in an earlier row, whatever its day
    unseen_rate             share of rows with a value that none of the trailing days had
    before_event            rows known before they happened
    outside_day             rows filed under another day than theirs
    after                   rows that happened too late to be here
    delay_days              median of known time minus event time
    clock_shift             hours by which the day's clock seems wrong, see `clock_shifts`

`rows` is their number, NaN of a day that is not over, and `age_days` how old a day with rows is. Of
every count, the first ids are kept. A day is added once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from expectations import day_metrics
from expectations.clock import clock_shifts
from expectations.contract import EVENT_DAY, EVENT_TIME, KNOWN_TIME, TRANSACTION_ID, Column
from expectations.day_metrics import HOURS, Metrics
from expectations.results import EXAMPLES

# Raise it when equal rows give another metric: results of another number do not compare.
PROFILE_VERSION = 1
ROWS, AGE = "rows", "age_days"
MOST_VALUES = 1_000
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Profile:
    """Result of one pass over a table.

    Attributes:
        days: a row a day in their order, `event_day` and the metrics as doubles; NaN where a
            metric has no value.
        examples: the first ids that a counting metric counted.
        rows: of the whole table.
        kept: columns that were asked to be kept, of all rows.
    """

    days: pa.Table
    examples: Mapping[str, tuple[object, ...]]
    rows: int
    kept: pa.Table | None = None

    def with_metric(self, name: str, values: npt.NDArray[np.float64]) -> "Profile":
        """Return the same with one more metric, a value a day."""
        days = self.days.append_column(name, pa.array(values, pa.float64()))
        return Profile(days, self.examples, self.rows, self.kept)

    def values(self, metric: str) -> npt.NDArray[np.float64]:
        """Return a metric, day by day."""
        return np.asarray(self.days[metric].to_numpy(), dtype=np.float64)


@dataclass(slots=True)
class Profiler:
    """Takes a table day by day and gives its profile.

    Attributes:
        columns: those that are measured.
        as_of: the knowledge time: `age_days` counts from it.
        happened_before: no event may lie at or after it; None: the knowledge time.
        keep: columns to keep of all rows.
        trailing: how many days before a day its values and its clock are compared with.
        judged: of how many of the latest days the clock is checked.
    """

    columns: Sequence[Column]
    as_of: datetime
    happened_before: datetime | None = None
    keep: Sequence[str] = ()
    trailing: int = 28
    judged: int = 7
    _metrics: dict[str, Metrics] = field(default_factory=dict)
    _values: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    _hours: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    _ids: list[tuple[str, pa.Array]] = field(default_factory=list)
    _examples: dict[str, list[object]] = field(default_factory=dict)
    _kept: list[pa.Table] = field(default_factory=list)
    _rows: int = 0

    def add(self, day: str, rows: pa.Table) -> None:
        """Measure the rows of a day, all of them at once."""
        metrics: Metrics = {ROWS: float(rows.num_rows)}
        self._metrics[day] = metrics
        self._rows += rows.num_rows
        if self.keep:
            self._kept.append(rows.select(list(self.keep)))
        for column in self.columns:
            values = rows[column.name].combine_chunks()
            absent = day_metrics.missing(values)
            masks = {f"{column.name}.missing": absent}
            if column.is_numeric:
                numbers, outside = day_metrics.measure_numbers(column, values, absent)
                metrics |= numbers
                masks |= outside
            elif column.allowed:
                masks[f"{column.name}.not_allowed"] = day_metrics.not_allowed(
                    values, column.allowed
                )
            elif column.kind == "text":
                counted = day_metrics.count_values(values)
                if len(counted) <= MOST_VALUES:
                    self._values.setdefault(column.name, {})[day] = counted
            self._count(metrics, masks, rows)
            share = metrics[f"{column.name}.missing"] / max(rows.num_rows, 1)
            metrics[f"{column.name}.missing_rate"] = share
        self._add_times(day, metrics, rows)

    def _add_times(self, day: str, metrics: Metrics, rows: pa.Table) -> None:
        names = {column.name for column in self.columns}
        if TRANSACTION_ID in names:
            self._ids.append((day, rows[TRANSACTION_ID].combine_chunks()))
        if EVENT_TIME in names:
            events = day_metrics.microseconds(rows[EVENT_TIME])
            known = day_metrics.microseconds(rows[KNOWN_TIME]) if KNOWN_TIME in names else None
            end = self.happened_before or self.as_of
            found, masks = day_metrics.measure_times(day, events, known, happened_before=end)
            metrics |= found
            self._count(metrics, masks, rows)
            self._hours[day] = day_metrics.count_hours(events)

    def finish(self, *, last: str | None = None) -> Profile:
        """Compute the profile of what was added.

        Args:
            last: a day that must be there, with zero rows if need be, and all before it.
        """
        days = _span([*self._metrics, *([] if last is None else [last])])
        for day in days:
            self._metrics.setdefault(day, {ROWS: 0.0})
        self._measure_repeated()
        self._measure_unseen(days)
        self._measure_clock(days)
        self._pad(days)
        names = list(dict.fromkeys(name for day in days for name in self._metrics[day]))
        columns: dict[str, object] = {EVENT_DAY: days}
        for name in names:
            found = [self._metrics[day].get(name, np.nan) for day in days]
            columns[name] = pa.array(found, pa.float64())
        today = self.as_of.date()
        columns[AGE] = [
            (today - date.fromisoformat(day)) / _DAY if self._metrics[day][ROWS] else np.nan
            for day in days
        ]
        # A day that is not over has not all of its rows yet.
        columns[ROWS] = [self._metrics[d][ROWS] if d < str(today) else np.nan for d in days]
        examples = {name: tuple(ids) for name, ids in self._examples.items()}
        kept = pa.concat_tables(self._kept) if self._kept else None
        return Profile(pa.table(columns), examples, self._rows, kept)

    def _measure_clock(self, days: Sequence[str]) -> None:
        if self._hours:
            hours = np.array([self._hours.get(d, np.zeros(HOURS)) for d in days], dtype=np.float64)
            shifts = clock_shifts(hours, days=self.trailing, judged=self.judged)
            for day, shift in zip(days, shifts, strict=True):
                self._metrics[day][f"{EVENT_TIME}.clock_shift"] = shift

    def _pad(self, days: Sequence[str]) -> None:
        """Have every metric that a column can have, NaN where no row says anything."""
        first = self._metrics[days[0]] if days else {}
        for column in self.columns:
            if column.is_numeric:
                for statistic in ("min", "max", "mean", "sum"):
                    first.setdefault(f"{column.name}.{statistic}", np.nan)
            elif column.kind == "text" and not column.allowed:
                first.setdefault(f"{column.name}.unseen_rate", np.nan)

    def _count(self, metrics: Metrics, masks: day_metrics.Masks, rows: pa.Table) -> None:
        for name, mask in masks.items():
            count = int(np.count_nonzero(mask))
            metrics[name] = float(count)
            kept = self._examples.setdefault(name, [])
            if count and len(kept) < EXAMPLES and TRANSACTION_ID in rows.column_names:
                positions = np.flatnonzero(mask)[: EXAMPLES - len(kept)]
                kept += rows[TRANSACTION_ID].take(pa.array(positions)).to_pylist()

    def _measure_repeated(self) -> None:
        """Count ids that stood before, over all days."""
        if not self._ids:
            return
        name = f"{TRANSACTION_ID}.repeated"
        ids = pa.chunked_array([ids for _, ids in self._ids])
        ends = np.cumsum([len(ids) for _, ids in self._ids])
        positions = day_metrics.repeated(ids)
        counts = np.bincount(np.searchsorted(ends, positions, side="right"), minlength=len(ends))
        for (day, _), count in zip(self._ids, counts, strict=True):
            self._metrics[day][name] = float(count)
        self._examples[name] = ids.take(pa.array(positions[:EXAMPLES])).to_pylist()

    def _measure_unseen(self, days: Sequence[str]) -> None:
        for column, by_day in self._values.items():
            for at, day in enumerate(days):
                before = [by_day[d] for d in days[max(at - self.trailing, 0) : at] if d in by_day]
                if day not in by_day or not before:
                    continue
                seen = set().union(*before)
                new = sum(count for value, count in by_day[day].items() if value not in seen)
                rows = self._metrics[day][ROWS]
                self._metrics[day][f"{column}.unseen_rate"] = new / rows if rows else np.nan


def _span(days: Sequence[str]) -> list[str]:
    """List every day from the first to the last."""
    if not days:
        return []
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    return [str(first + n * _DAY) for n in range((last - first).days + 1)]
