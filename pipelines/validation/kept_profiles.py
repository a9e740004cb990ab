"""The table `profiles`: what was measured of each day's part, so that it is not read again.

A row is a day of a table. It names the part by its file, whose name is the hash of its bytes, so it
holds until the part changes, or what is measured of it does. The table is derived: without it, or
where it is damaged, the parts are measured again. A file has the days of one week, so a night
rewrites one or two, and reading years reads few.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from expectations import DayProfile
from expectations.contract import EVENT_DAY, EVENT_TIME, TRANSACTION_ID
from feature_jobs.io import remove_folder
from pipelines.config import TableVersion
from pipelines.lake import ChangedSinceError, DamagedError, Lake

PROFILES = "profiles"
_TABLE, _DAY, _PART, _DEPENDENCE = "table", "day", "part", "dependence"
_CONTENT, _VALUES, _COMPARED = "content", "text_values", "is_compared"
_EARLIEST, _LATEST = "earliest_known", "latest_known"
_SCHEMA = pa.schema(
    [
        (TRANSACTION_ID, pa.string()),
        (EVENT_TIME, pa.timestamp("us", tz="UTC")),
        (EVENT_DAY, pa.string()),
        (_TABLE, pa.string()),
        (_DAY, pa.string()),
        (_PART, pa.string()),
        (_DEPENDENCE, pa.string()),
        (_EARLIEST, pa.int64()),
        (_LATEST, pa.int64()),
        (_COMPARED, pa.bool_()),
        (_CONTENT, pa.string()),
        (_VALUES, pa.string()),
    ]
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeptDay:
    """The profile of all rows of a day's part.

    Attributes:
        part: name of the part's file.
        profile: of all of its rows, whenever they became known.
        earliest_known, latest_known: between which their known times lie, in microseconds; None
            where known times do not matter.
        is_compared: no id of it stands in another day of which this is true.
    """

    part: str
    profile: DayProfile
    earliest_known: int | None
    latest_known: int | None
    is_compared: bool = False


class KeptProfiles:
    """The kept profiles of one table of a lake.

    Args:
        lake: holds the table `profiles` beside the others.
        table: whose days were measured.
        dependence: digest of all that a profile depends on beside its part; others are not read.
    """

    def __init__(self, lake: Lake, table: str, *, dependence: str) -> None:
        self._lake, self._table, self._dependence = lake, table, dependence
        self._is_damaged = False

    def load(self) -> dict[str, KeptDay]:
        """Read the kept profiles by day, without the values of text columns."""
        try:
            at = self._lake.latest(PROFILES)
            return {} if at is None else self._read(at)
        except DamagedError as error:
            log.warning("%s\nThe days of %s are measured again.", error, self._table)
            self._is_damaged = True
            return {}

    def load_values(self, days: Collection[str]) -> dict[str, str]:
        """Read the values of text columns of days that were loaded."""
        at = self._lake.latest(PROFILES)
        if at is None or not days:
            return {}
        weeks = {_week(day) for day in days}
        rows = self._lake.read(at, columns=[_DAY, _VALUES], where=self._own, days=weeks)
        found = zip(rows[_DAY].to_pylist(), rows[_VALUES].to_pylist(), strict=True)
        # Of the others of these weeks only some rows may count now.
        return {day: values for day, values in found if day in days}

    def save(self, found: Mapping[str, KeptDay]) -> None:
        """Keep profiles in place of those of the same days, in one commit.

        Args:
            found: of days that are new, or of which `is_compared` changed.
        """
        if not found:
            return
        try:
            self._replace(found)
        except (ChangedSinceError, DamagedError, OSError) as error:
            log.warning("The profiles of %s were not kept: %s", self._table, error)

    @property
    def _own(self) -> pc.Expression:
        return (pc.field(_TABLE) == self._table) & (pc.field(_DEPENDENCE) == self._dependence)

    def _read(self, at: TableVersion) -> dict[str, KeptDay]:
        columns = [name for name in _SCHEMA.names if name != _VALUES]
        rows = self._lake.read(at, columns=columns, where=self._own).to_pylist()
        return {
            row[_DAY]: KeptDay(
                part=row[_PART],
                profile=DayProfile.from_text(row[_DAY], row[_CONTENT]),
                earliest_known=row[_EARLIEST],
                latest_known=row[_LATEST],
                is_compared=row[_COMPARED],
            )
            for row in rows
        }

    def _replace(self, found: Mapping[str, KeptDay]) -> None:
        if self._is_damaged:
            remove_folder(self._lake.folder(PROFILES))
        at = self._lake.latest(PROFILES)
        weeks = {_week(day) for day in found}
        current = [] if at is None else self._lake.read(at, days=weeks).to_pylist()
        replaced = {row[_DAY]: row for row in current if row[_TABLE] == self._table}
        rows = [row for row in current if row[_TABLE] != self._table or row[_DAY] not in found]
        for day, kept in found.items():
            row, before = self._row(day, kept), replaced.get(day, {})
            # A profile that was kept was loaded without the values of its text columns.
            if all(before.get(name) == row[name] for name in (_PART, _DEPENDENCE)):
                row[_VALUES] = before[_VALUES]
            rows.append(row)
        table = pa.Table.from_pylist(rows, schema=_SCHEMA)
        self._lake.write_days(PROFILES, table, fingerprint=PROFILES)

    def _row(self, day: str, kept: KeptDay) -> dict[str, object]:
        return {
            TRANSACTION_ID: f"{self._table} {day}",
            EVENT_TIME: datetime.fromisoformat(day).replace(tzinfo=UTC),
            EVENT_DAY: _week(day),
            _TABLE: self._table,
            _DAY: day,
            _PART: kept.part,
            _DEPENDENCE: self._dependence,
            _EARLIEST: kept.earliest_known,
            _LATEST: kept.latest_known,
            _COMPARED: kept.is_compared,
            _CONTENT: kept.profile.to_text(),
            _VALUES: kept.profile.values,
        }


def mark_compared(
    days: Iterable[str], kept: Mapping[str, KeptDay], *, known: Mapping[str, KeptDay]
) -> dict[str, KeptDay]:
    """Return what to save: new profiles, and those whose ids were compared now or no more are.

    Args:
        days: whose ids were compared with each other, and none stood twice.
        kept: profiles that hold now, by day.
        known: those that were loaded.
    """
    compared = set(days)
    changed = {}
    for day in {*kept, *known}:
        own = replace(kept.get(day) or known[day], is_compared=day in compared)
        if known.get(day) != own:
            changed[day] = own
    return changed


def _week(day: str) -> str:
    """Return the Monday of a day's week."""
    at = date.fromisoformat(day)
    return str(at - timedelta(days=at.weekday()))


def part_name(parts: Sequence[str]) -> str:
    """Name what a day consists of."""
    return " ".join(sorted(parts))
