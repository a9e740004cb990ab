"""One pass over a table, day by day, into a row of measures a day: all that the suites look at.

A measure is named `<column>.<statistic>`:

    missing, missing_rate   nulls, of numbers also NaN
    mean, min, max          of what is not missing
    outside, not_allowed    rows that break the column's range or its list of values
    repeated                rows whose id stood in an earlier row, whatever its day
    unseen_rate             share of rows with a value that none of the trailing days had
    before_event            rows known before they happened
    outside_day             rows filed under another day than theirs
    after                   rows that became known, or happened, too late to be here
    delay_days              median of known time minus event time
    clock_shift             hours by which the day's clock seems wrong, see `clock_shifts`

    sum                     of what is not missing

`rows` is their number, NaN of a day that is not over, and `age_days` how old a day with rows is. Of
every count, the first ids are kept. A day is added once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.clock import clock_shifts
from expectations.contract import EVENT_DAY, EVENT_TIME, KNOWN_TIME, TRANSACTION_ID, Column

ROWS, AGE = "rows", "age_days"
EXAMPLES = 10
HOURS = 24
MOST_VALUES = 1_000
_DAY = timedelta(days=1)
_DAY_MICROSECONDS = 86_400_000_000
_HOUR_MICROSECONDS = 3_600_000_000

Measures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Profile:
    """What one pass saw.

    Attributes:
        days: a row a day in their order, `event_day` and the measures as doubles; NaN where a
            measure has no value.
        examples: the first ids that a counting measure counted.
        rows: of the whole table.
        kept: columns that were asked to be kept, of all rows.
    """

    days: pa.Table
    examples: Mapping[str, tuple[object, ...]]
    rows: int
    kept: pa.Table | None = None

    def with_measure(self, name: str, values: npt.NDArray[np.float64]) -> "Profile":
        """The same with one more measure, a value a day."""
        days = self.days.append_column(name, pa.array(values, pa.float64()))
        return Profile(days, self.examples, self.rows, self.kept)

    def values(self, measure: str) -> npt.NDArray[np.float64]:
        """A measure, day by day."""
        return np.asarray(self.days[measure].to_numpy(), dtype=np.float64)


@dataclass(slots=True)
class Profiler:
    """Takes a table day by day and gives its profile.

    Attributes:
        columns: what is measured.
        as_of: the knowledge time: `age_days` counts from it.
        happened_before: no event may lie at or after it; None: the knowledge time.
        keep: columns to keep of all rows.
        trailing: how many days before a day its values and its clock are compared with.
        judged: of how many of the newest days the clock is looked at.
    """

    columns: Sequence[Column]
    as_of: datetime
    happened_before: datetime | None = None
    keep: Sequence[str] = ()
    trailing: int = 28
    judged: int = 7
    _measures: dict[str, Measures] = field(default_factory=dict)
    _values: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    _hours: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    _ids: list[tuple[str, pa.Array]] = field(default_factory=list)
    _examples: dict[str, list[object]] = field(default_factory=dict)
    _kept: list[pa.Table] = field(default_factory=list)
    _rows: int = 0

    def add(self, day: str, rows: pa.Table) -> None:
        """Measure the rows of a day."""
        measures = self._measures.setdefault(day, {ROWS: 0.0})
        measures[ROWS] += rows.num_rows
        self._rows += rows.num_rows
        if self.keep:
            self._kept.append(rows.select(list(self.keep)))
        for column in self.columns:
            values = rows[column.name].combine_chunks()
            missing = _missing(values)
            self._count(measures, f"{column.name}.missing", missing, rows)
            measures[f"{column.name}.missing_rate"] = (
                measures[f"{column.name}.missing"] / rows.num_rows if rows.num_rows else np.nan
            )
            if column.is_numeric:
                self._measure_numbers(measures, column, values, rows)
            elif column.kind == "text":
                self._measure_text(day, measures, column, values, rows)
        names = {column.name for column in self.columns}
        if TRANSACTION_ID in names:
            self._ids.append((day, rows[TRANSACTION_ID].combine_chunks()))
        if EVENT_TIME in names:
            self._measure_times(day, measures, rows, has_known=KNOWN_TIME in names)

    def finish(self, *, first: str | None = None, last: str | None = None) -> Profile:
        """The profile of what was added.

        Args:
            first: a day that must be there, with zero rows if need be, and all after it.
            last: a day that must be there, and all before it.
        """
        self._measure_repeated()
        days = _span([*self._measures, *(d for d in (first, last) if d is not None)])
        self._measure_unseen(days)
        self._pad(days)
        if self._hours:
            hours = np.array([self._hours.get(d, np.zeros(HOURS)) for d in days], dtype=np.float64)
            shifts = clock_shifts(hours, days=self.trailing, judged=self.judged)
            for day, shift in zip(days, shifts, strict=True):
                self._measures.setdefault(day, {ROWS: 0.0})[f"{EVENT_TIME}.clock_shift"] = shift
        names = list(dict.fromkeys(n for day in days for n in self._measures.get(day, ())))
        columns: dict[str, object] = {EVENT_DAY: days}
        for name in names:
            absent = 0.0 if name == ROWS else np.nan
            found = [self._measures.get(day, {}).get(name, absent) for day in days]
            columns[name] = pa.array(found, pa.float64())
        today = self.as_of.date()
        columns[AGE] = [
            float((today - date.fromisoformat(day)).days) if self._has_rows(day) else np.nan
            for day in days
        ]
        if days and days[-1] >= str(today):  # a day that is not over has not all of its rows yet
            whole = np.array([day < str(today) for day in days])
            columns[ROWS] = pa.array(np.where(whole, self._rows_by_day(days), np.nan))
        examples = {name: tuple(ids) for name, ids in self._examples.items()}
        kept = pa.concat_tables(self._kept) if self._kept else None
        return Profile(pa.table(columns), examples, self._rows, kept)

    def _rows_by_day(self, days: Sequence[str]) -> npt.NDArray[np.float64]:
        return np.array([self._measures.get(day, {}).get(ROWS, 0.0) for day in days])

    def _has_rows(self, day: str) -> bool:
        return self._measures.get(day, {}).get(ROWS, 0.0) > 0

    def _pad(self, days: Sequence[str]) -> None:
        """Have every measure that a column can have, NaN where no row says anything."""
        if not days:
            return
        first = self._measures.setdefault(days[0], {ROWS: 0.0})
        for column in self.columns:
            if column.is_numeric:
                for statistic in ("min", "max", "mean", "sum"):
                    first.setdefault(f"{column.name}.{statistic}", np.nan)
            elif column.kind == "text" and not column.allowed:
                first.setdefault(f"{column.name}.unseen_rate", np.nan)

    def _count(
        self, measures: Measures, name: str, mask: npt.NDArray[np.bool_], rows: pa.Table
    ) -> None:
        count = int(np.count_nonzero(mask))
        measures[name] = measures.get(name, 0.0) + count
        held = self._examples.setdefault(name, [])
        if count and len(held) < EXAMPLES and TRANSACTION_ID in rows.column_names:
            places = np.flatnonzero(mask)[: EXAMPLES - len(held)]
            held += rows[TRANSACTION_ID].take(pa.array(places)).to_pylist()

    def _measure_numbers(
        self, measures: Measures, column: Column, values: pa.Array, rows: pa.Table
    ) -> None:
        numbers = np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False))
        if column.minimum is not None or column.maximum is not None:
            low = -np.inf if column.minimum is None else column.minimum
            high = np.inf if column.maximum is None else column.maximum
            self._count(
                measures, f"{column.name}.outside", (numbers < low) | (numbers > high), rows
            )
        present = numbers[~np.isnan(numbers)]
        if len(present):
            measures[f"{column.name}.min"] = float(present.min())
            measures[f"{column.name}.max"] = float(present.max())
            with np.errstate(invalid="ignore", over="ignore"):
                measures[f"{column.name}.mean"] = float(present.mean())
                measures[f"{column.name}.sum"] = float(present.sum())

    def _measure_text(
        self, day: str, measures: Measures, column: Column, values: pa.Array, rows: pa.Table
    ) -> None:
        if column.allowed:
            known = pc.is_in(values, value_set=pa.array(column.allowed, pa.string()))
            wrong = pc.fill_null(pc.and_(values.is_valid(), pc.invert(known)), fill_value=False)
            mask = wrong.to_numpy(zero_copy_only=False)
            self._count(measures, f"{column.name}.not_allowed", mask, rows)
            return
        counted = pc.value_counts(values.drop_null())
        found = {
            str(value): int(count)
            for value, count in zip(
                counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True
            )
        }
        if len(found) <= MOST_VALUES:
            self._values.setdefault(column.name, {})[day] = found

    def _measure_times(
        self, day: str, measures: Measures, rows: pa.Table, *, has_known: bool
    ) -> None:
        events = _microseconds(rows[EVENT_TIME])
        end = self.happened_before or self.as_of
        start = int(np.datetime64(day, "us").astype(np.int64))
        self._count(
            measures,
            f"{EVENT_TIME}.outside_day",
            (events < start) | (events >= start + _DAY_MICROSECONDS),
            rows,
        )
        self._count(measures, f"{EVENT_TIME}.after", events >= _instant(end), rows)
        hours = (events % _DAY_MICROSECONDS) // _HOUR_MICROSECONDS
        self._hours[day] = np.bincount(hours, minlength=HOURS)
        if has_known:
            known = _microseconds(rows[KNOWN_TIME])
            self._count(measures, f"{KNOWN_TIME}.before_event", known < events, rows)
            self._count(measures, f"{KNOWN_TIME}.after", known >= _instant(self.as_of), rows)
            if len(events):
                delay = float(np.median(known - events)) / _DAY_MICROSECONDS
                measures[f"{KNOWN_TIME}.delay_days"] = delay

    def _measure_repeated(self) -> None:
        """Ids that stood before, over all days."""
        if not self._ids:
            return
        name = f"{TRANSACTION_ID}.repeated"
        ids = pa.chunked_array([ids for _, ids in self._ids])
        ends = np.cumsum([len(ids) for _, ids in self._ids])
        for day, _ in self._ids:
            self._measures[day].setdefault(name, 0.0)
        if pc.count_distinct(ids, mode="all").as_py() == len(ids):
            return
        codes = pc.dictionary_encode(ids).combine_chunks().indices.to_numpy(zero_copy_only=False)
        again = np.ones(len(codes), dtype=np.bool_)
        again[np.unique(codes, return_index=True)[1]] = False
        places = np.flatnonzero(again)
        days = [self._ids[at][0] for at in np.searchsorted(ends, places, side="right")]
        for day in days:
            self._measures[day][name] += 1
        self._examples[name] = ids.take(pa.array(places[:EXAMPLES])).to_pylist()

    def _measure_unseen(self, days: Sequence[str]) -> None:
        for column, by_day in self._values.items():
            for at, day in enumerate(days):
                before = [by_day[d] for d in days[max(at - self.trailing, 0) : at] if d in by_day]
                if day not in by_day or not before:
                    continue
                seen = set().union(*before)
                new = sum(count for value, count in by_day[day].items() if value not in seen)
                rows = self._measures[day][ROWS]
                self._measures[day][f"{column}.unseen_rate"] = new / rows if rows else np.nan


def _missing(values: pa.Array) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = values.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    return mask


def _microseconds(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    times = column.combine_chunks().cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return np.asarray(times.to_numpy(zero_copy_only=False), dtype=np.int64)


def _instant(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000 + at.microsecond


def _span(days: Sequence[str]) -> list[str]:
    """Every day from the first to the last."""
    if not days:
        return []
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    return [str(first + n * _DAY) for n in range((last - first).days + 1)]
