"""The profile of a table from the profiles of its days: all that the suites look at.

A metric is named `<column>.<statistic>`:

    missing, missing_rate   nulls, of numbers also NaN
    present                 the other rows
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
every count, the first ids are kept. `unseen_rate` and `clock_shift` compare a day with those before
it, so they are measured for the latest days only. A day is added once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from expectations.clock import clock_shifts
from expectations.contract import EVENT_DAY, EVENT_TIME, TRANSACTION_ID, Column
from expectations.day_metrics import HOURS, Metrics
from expectations.profile.day import DayProfile, measure_day
from expectations.profile.repeated_ids import Repeats, find_repeats
from expectations.results import EXAMPLES

ROWS, AGE = "rows", "age_days"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Profile:
    """Result of one pass over a table.

    Attributes:
        days: a row a day in their order, `event_day` and the metrics as doubles; NaN where a
            metric has no value.
        examples: the first ids that a counting metric counted.
        rows: of the whole table.
        kept: columns that were asked to be kept, of the rows for declared expectations.
    """

    days: pa.Table
    examples: Mapping[str, tuple[object, ...]]
    rows: int
    kept: pa.Table | None = None

    def with_metric(self, name: str, values: npt.NDArray[np.float64]) -> "Profile":
        """Return the same with one more metric, a value a day."""
        return replace(self, days=self.days.append_column(name, pa.array(values, pa.float64())))

    def values(self, metric: str) -> npt.NDArray[np.float64]:
        """Return a metric, day by day."""
        return np.asarray(self.days[metric].to_numpy(), dtype=np.float64)


def combine_days(
    found: Sequence[DayProfile],
    columns: Sequence[Column],
    *,
    as_of: datetime,
    repeats: Repeats,
    trailing: int = 28,
    judged: int = 7,
    last: str | None = None,
) -> Profile:
    """Compute the profile of a table from those of its days.

    Args:
        found: of each day that has rows; the latest `trailing + judged` need their values.
        columns: those that were measured.
        as_of: the knowledge time: `age_days` counts from it.
        repeats: ids that stand twice, from `find_repeats`.
        trailing: how many days before a day its values and its clock are compared with.
        judged: of how many of the latest days the values and the clock are checked.
        last: a day that must be there, with zero rows if need be, and all before it.
    """
    by_day = {own.day: own for own in sorted(found, key=lambda own: own.day)}
    days = _span([*by_day, *([] if last is None else [last])])
    metrics: dict[str, Metrics] = {day: {ROWS: 0.0} for day in days}
    examples: dict[str, list[object]] = {}
    for day, own in by_day.items():
        metrics[day] = {ROWS: float(own.rows), **own.metrics}
        if own.ids is not None:
            repeated = repeats.counts.get(day, 0)
            metrics[day][f"{TRANSACTION_ID}.repeated"] = float(repeated)
        for name, ids in own.examples.items():
            examples.setdefault(name, []).extend(ids)
    examples[f"{TRANSACTION_ID}.repeated"] = list(repeats.examples)
    ordered = [by_day.get(day) for day in days]
    _measure_unseen(ordered, metrics, trailing=trailing, judged=judged)
    _measure_clock(ordered, days, metrics, trailing=trailing, judged=judged)
    if days:
        _pad(metrics[days[0]], columns)
    shown = {name: tuple(ids[:EXAMPLES]) for name, ids in examples.items()}
    return Profile(_table(days, metrics, as_of), shown, sum(own.rows for own in by_day.values()))


def _table(days: Sequence[str], metrics: Mapping[str, Metrics], as_of: datetime) -> pa.Table:
    names = list(dict.fromkeys(name for day in days for name in metrics[day]))
    columns: dict[str, object] = {EVENT_DAY: pa.array(days, pa.string())}
    for name in names:
        found = [metrics[day].get(name, np.nan) for day in days]
        columns[name] = pa.array(found, pa.float64())
    today = as_of.date()
    columns[AGE] = [
        (today - date.fromisoformat(day)) / _DAY if metrics[day][ROWS] else np.nan for day in days
    ]
    # A day that is not over has not all of its rows yet.
    columns[ROWS] = [metrics[d][ROWS] if d < str(today) else np.nan for d in days]
    return pa.table(columns)


def _measure_unseen(
    days: Sequence[DayProfile | None],
    metrics: Mapping[str, Metrics],
    *,
    trailing: int,
    judged: int,
) -> None:
    late = days[max(len(days) - judged - trailing, 0) :]
    values = [{} if own is None else own.count_values() for own in late]
    for at in range(max(len(late) - judged, 0), len(late)):
        own = late[at]
        for column, counts in values[at].items():
            before = [
                other[column] for other in values[max(at - trailing, 0) : at] if column in other
            ]
            if own is None or not before:
                continue
            seen = set().union(*before)
            new = sum(count for value, count in counts.items() if value not in seen)
            metrics[own.day][f"{column}.unseen_rate"] = new / own.rows


def _measure_clock(
    found: Sequence[DayProfile | None],
    days: Sequence[str],
    metrics: Mapping[str, Metrics],
    *,
    trailing: int,
    judged: int,
) -> None:
    if not any(own is not None and own.hours for own in found):
        return
    hours = np.zeros((len(days), HOURS))
    for at, own in enumerate(found):
        if own is not None and own.hours:
            hours[at] = own.hours
    shifts = clock_shifts(hours, days=trailing, judged=judged)
    for day, shift in zip(days, shifts, strict=True):
        metrics[day][f"{EVENT_TIME}.clock_shift"] = shift


def _pad(first: Metrics, columns: Sequence[Column]) -> None:
    """Have every metric that a column can have, NaN where no row says anything."""
    for column in columns:
        if column.is_numeric:
            for statistic in ("min", "max", "mean", "sum"):
                first.setdefault(f"{column.name}.{statistic}", np.nan)
        elif column.kind == "text" and not column.allowed:
            first.setdefault(f"{column.name}.unseen_rate", np.nan)


def _span(days: Sequence[str]) -> list[str]:
    """List every day from the first to the last."""
    if not days:
        return []
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    return [str(first + n * _DAY) for n in range((last - first).days + 1)]


@dataclass(slots=True)
class Profiler:
    """Takes a table in memory day by day and gives its profile.

    Attributes:
        columns: those that are measured.
        as_of: the knowledge time: `age_days` counts from it.
        happened_before: no event may lie at or after it; None: the knowledge time.
        keep: columns to keep of the rows.
        trailing: how many days before a day its values and its clock are compared with.
        judged: of how many of the latest days these are checked.
    """

    columns: Sequence[Column]
    as_of: datetime
    happened_before: datetime | None = None
    keep: Sequence[str] = ()
    trailing: int = 28
    judged: int = 7
    _days: list[DayProfile] = field(default_factory=list)
    _ids: dict[str, pa.Array] = field(default_factory=dict)
    _kept: dict[str, pa.Table] = field(default_factory=dict)

    def add(self, day: str, rows: pa.Table) -> None:
        """Measure the rows of a day, all of them at once."""
        end = self.happened_before or self.as_of
        self._days.append(measure_day(self.columns, day, rows, happened_before=end))
        if self._days[-1].ids is not None:
            self._ids[day] = rows[TRANSACTION_ID].combine_chunks()
        if self.keep:
            self._kept[day] = rows.select(list(self.keep))

    def finish(self, *, last: str | None = None) -> Profile:
        """Compute the profile of what was added.

        Args:
            last: a day that must be there, with zero rows if need be, and all before it.
        """
        ranges = {own.day: own.ids for own in self._days if own.ids is not None}
        profile = combine_days(
            self._days, self.columns, as_of=self.as_of,
            repeats=find_repeats(ranges, self._ids.__getitem__),
            trailing=self.trailing, judged=self.judged, last=last,
        )  # fmt: skip
        latest = latest_days(self._kept, self.trailing + self.judged)
        kept = [self._kept[day] for day in sorted(latest)]
        return replace(profile, kept=pa.concat_tables(kept) if kept else None)


def latest_days(days: Sequence[str] | Mapping[str, object], count: int) -> set[str]:
    """Select the days whose rows declared expectations see: so many up to the latest."""
    if not days:
        return set()
    first = str(date.fromisoformat(max(days)) - (count - 1) * _DAY)
    return {day for day in days if day >= first}
