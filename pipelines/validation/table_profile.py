"""The profile of a table of the lake: kept profiles of its days, and new ones of days that changed.

A kept profile is of all rows of a part, so it holds as of a time that is later than all of their
known times; of a part with later rows, those known by then are measured each time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from expectations import (
    PROFILE_VERSION,
    DayProfile,
    Profile,
    TableName,
    combine_days,
    find_repeats,
    kept_columns,
    latest_days,
    measure_day,
)
from expectations.contract import (
    KNOWN_TIME,
    InputError,
    digest_of,
)
from feature_jobs.io import DataFile
from pipelines.config import ModelSpec, TableVersion, table_columns
from pipelines.ingestion import TRANSACTIONS, IdIndex
from pipelines.lake import DamagedError, Lake
from pipelines.validation.day_reader import DayReader
from pipelines.validation.kept_profiles import KeptDay, KeptProfiles, mark_compared, part_name


def profile_version(
    spec: ModelSpec, lake: Lake, at: TableVersion, *, as_of: datetime, last: str | None = None
) -> Profile:
    """Profile transactions or labels as they were known at a time, and keep what is new.

    Args:
        spec: declares the columns.
        lake: holds the table.
        at: its version.
        as_of: the knowledge time.
        last: a day that should be there.

    Raises:
        InputError: when the spec names columns that the table does not have.
        DamagedError: when a part that has to be read is missing or was changed.
    """
    table: TableName = "labels" if at.name == "labels" else "transactions"
    names = lake.schema(at).names
    missing = sorted({column.name for column in table_columns(spec)[table]} - set(names))
    if missing:
        raise InputError(
            f"{at} has no {', '.join(missing)}: the spec names columns that were not ingested. "
            'Run "overnight ingest" first.'
        )
    try:
        return profile_parts(
            spec, lake, table, lake.parts(at), name=at.name, as_of=as_of, last=last, versions=names
        )
    except DamagedError:
        lake.refuse_damage(at)  # names every damaged part
        raise


def profile_parts(
    spec: ModelSpec, lake: Lake, table: TableName, parts: Sequence[DataFile], *, name: str,
    as_of: datetime, happened_before: datetime | None = None, last: str | None = None,
    versions: Sequence[str] | None = None, is_whole: bool = True,
) -> Profile:  # fmt: skip
    """Profile parts of a table, committed or not; read only those that are not kept.

    Args:
        spec: declares the columns.
        lake: holds the parts, and the kept profiles.
        table: what it is.
        parts: of the table.
        name: of the table in the lake.
        as_of: the knowledge time.
        happened_before: no event may lie at or after it; None: the knowledge time.
        last: a day that should be there.
        versions: columns of a table whose rows are selected by what was known; None: all count.
        is_whole: the parts are all of the table.
    """
    columns, trailing = table_columns(spec)[table], spec.contract.trailing
    reader = DayReader(
        lake, name, table, _by_day(parts), columns=columns, as_of=as_of,
        keep=kept_columns(spec.contract.expectations, table), versions=versions,
        shown=trailing.days + trailing.judged,
    )  # fmt: skip
    declared = [column.model_dump() for column in columns]
    dependence = digest_of([PROFILE_VERSION, table, versions is None, declared])
    kept = KeptProfiles(lake, name, dependence=dependence)
    measuring = _Measuring(reader, happened_before or as_of, kept.load(), is_whole=is_whole)
    for day in sorted(reader.days):
        measuring.add(day)
    found = measuring.found
    ranges = {day: own.ids for day, own in found.items() if own.ids is not None}
    repeats = find_repeats(
        ranges, reader.ids_of, compared=measuring.compared, days_with=_Lookup(lake).days_with
    )
    kept.save(measuring.to_keep(is_unique=not repeats.counts))
    recent = latest_days([*found, *([] if last is None else [last])], reader.shown)
    values = kept.load_values(recent & measuring.taken)
    profile = combine_days(
        [replace(own, values=values.get(day, own.values)) for day, own in found.items()],
        columns, as_of=as_of, repeats=repeats,
        trailing=trailing.days, judged=trailing.judged, last=last,
    )  # fmt: skip
    return replace(profile, kept=reader.declared_rows(found) if reader.keep else None)


class _Lookup:
    """The index of the transactions' ids, opened when it is first asked."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._index: IdIndex | None = None

    def days_with(self, ids: pa.Array) -> set[str]:
        """Find the days of transactions with some ids; rows of other tables lie on these too."""
        self._index = self._index or IdIndex.open(self._lake, TRANSACTIONS)
        return {str(day) for day in self._index.find_days(ids.drop_null()).days}


def _by_day(parts: Sequence[DataFile]) -> dict[str, list[DataFile]]:
    days: dict[str, list[DataFile]] = {}
    for part in sorted(parts, key=lambda part: part.path):
        days.setdefault(part.day, []).append(part)
    return days


@dataclass(slots=True)
class _Measuring:
    """Profiles of the days of a table, kept or new.

    Attributes:
        reader: reads rows.
        end: no event may lie at or after it.
        known: profiles that were kept.
        is_whole: the parts are all of the table.
        found: of the days with rows that count.
    """

    reader: DayReader
    end: datetime
    known: Mapping[str, KeptDay]
    is_whole: bool
    found: dict[str, DayProfile] = field(default_factory=dict)
    _kept: dict[str, KeptDay] = field(default_factory=dict)

    @property
    def compared(self) -> set[str]:
        """Days of which all rows count, and whose ids were compared."""
        return {day for day, own in self._kept.items() if own.is_compared and self.is_whole}

    @property
    def taken(self) -> set[str]:
        """Days whose profile was kept."""
        return {day for day, own in self._kept.items() if own is self.known.get(day)}

    def add(self, day: str) -> None:
        """Take the kept profile of a day, or measure its rows."""
        part = part_name([part.path for part in self.reader.days[day]])
        kept = self.known.get(day)
        if kept is None or kept.part != part:
            self._measure(day, part)
        elif self._holds(kept):
            self._kept[day] = kept
            self.found[day] = kept.profile
        elif not self._is_later(kept):
            self._measure(day, part)

    def _measure(self, day: str, part: str) -> None:
        reader = self.reader
        rows = reader.load(day)
        chosen = reader.select(rows)
        if chosen.num_rows == 0:
            return
        profile = measure_day(reader.columns, day, chosen, happened_before=self.end)
        self.found[day] = profile
        reader.hold(day, chosen)
        known = {} if reader.versions is None else pc.min_max(rows[KNOWN_TIME].cast(pa.int64()))
        ends = [known[end].as_py() if known else None for end in ("min", "max")]
        new = KeptDay(part, profile, ends[0], ends[1])
        if self._holds(new):
            self._kept[day] = new

    def to_keep(self, *, is_unique: bool) -> dict[str, KeptDay]:
        """Return the profiles to save.

        A day counts as compared when its ids were compared with those of all compared days: not
        when a kept part has rows that do not count at this knowledge time.
        """
        known = {
            day: own
            for day, own in self.known.items()
            if not self._is_visible_later(day) and (self.is_whole or day in self.reader.days)
        }
        is_complete = all(day in known for day, own in self.known.items() if own.is_compared)
        compared = set(self._kept) if is_complete else self.compared
        if not is_unique or not self.is_whole:
            compared = set()
        return mark_compared(compared, self._kept, known=known)

    def _is_visible_later(self, day: str) -> bool:
        """Return True if a day's kept part is in the table, with rows that do not count yet."""
        own = self.known[day]
        parts = self.reader.days.get(day)
        is_same = parts is not None and own.part == part_name([part.path for part in parts])
        return is_same and day not in self._kept

    def _is_later(self, own: KeptDay) -> bool:
        return own.earliest_known is not None and own.earliest_known >= _instant(self.reader.as_of)

    def _holds(self, own: KeptDay) -> bool:
        """Return True if all rows of a part count at the knowledge time."""
        is_known = own.latest_known is None or own.latest_known < _instant(self.reader.as_of)
        latest = own.profile.latest_event
        return is_known and (latest is None or latest < _instant(self.end))


def _instant(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000 + at.microsecond
