"""Rows that differ between two versions of a table's day, and the days whose features they change.

A row counts for others from its known time until it is replaced, so a version that became known
today leaves the features of all days before today as they are, whatever day it happened on. Only
a row that was taken out or changed in place reaches back to its own day: by a restatement, or by a
row of a joined table that came later than the transactions that it counts for.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    EVENT_TIME,
    IS_FIRST,
    KNOWN_TIME,
    REPLACED_TIME,
    TRANSACTION_ID,
)
from feature_jobs.io import DataFile
from pipelines.lake import DamagedError

VERSION_KEY = (EVENT_TIME, TRANSACTION_ID, KNOWN_TIME)
_SIDE = "is_new"

Mask = npt.NDArray[np.bool_]
Parts = Sequence[DataFile]
Read = Callable[[DataFile], pa.Table]


@dataclass(frozen=True, slots=True)
class Effect:
    """The days whose features the differing rows of one event day change.

    Attributes:
        own: True if rows of the feature table of the event day itself differ.
        since: the first day whose windows see a difference; None: no window does.
    """

    own: bool
    since: date | None

    def covers(self, day: date, *, own: date) -> bool:
        """Return True if the features of a day within the lookback of the event day change."""
        return (self.own and day == own) or (self.since is not None and day >= self.since)


def find_changed_days(
    days: Collection[str],
    before: Parts,
    after: Parts,
    *,
    read: Read,
    lookback_days: int,
) -> set[str]:
    """Find the days whose features differ between two versions of one table.

    Parts with equal names are not read; the others are read one day at a time, and only if a day
    within their reach is not found yet.

    Args:
        days: days whose features were computed from the parts before.
        before: parts that they were computed from.
        after: parts of the version to compare with.
        read: reads the columns of a part that features depend on, `replaced_time` and `is_first`
            among them where the table has them.
        lookback_days: days before a day that its features can read.
    """
    found: set[str] = set()
    for own, old, new in differing_days(before, after):
        last = own + timedelta(days=lookback_days)
        within = {day for day in days if str(own) <= day <= str(last)} - found
        if within:
            effect = _effect_of(own, old, new, read)
            found |= {day for day in within if effect.covers(date.fromisoformat(day), own=own)}
    return found


def find_effect(own: date, old: pa.Table, new: pa.Table) -> Effect:
    """Compare the rows of one event day by version.

    Args:
        own: the event day.
        old: the rows before, with `event_time`, `transaction_id` and `known_time`.
        new: the rows after, with the same columns.
    """
    if [f.type for f in old.schema] != [f.type for f in new.schema]:
        return Effect(own=True, since=own)
    rows, is_new = _sort_versions(old, new)
    if len(is_new) == 0:
        return Effect(own=False, since=None)
    pairs = ~is_new[:-1] & is_new[1:]
    for name in rows.column_names:
        if name != REPLACED_TIME:
            pairs &= _equals_next(rows[name])
    paired = np.append(pairs, False) | np.insert(pairs, 0, False)
    if (~paired & ~is_new).any():
        return Effect(own=True, since=own)
    added = rows.filter(pa.array(~paired & is_new))
    times = [pc.min(added[KNOWN_TIME]).as_py()]
    has_first = IS_FIRST in rows.column_names and bool(pc.any(added[IS_FIRST]).as_py())
    if REPLACED_TIME in rows.column_names:
        ends = rows[REPLACED_TIME]
        moved = pa.array(pairs & ~_equals_next(ends))
        times += [pc.min(half.filter(moved)).as_py() for half in (ends[:-1], ends[1:])]
    return Effect(own=has_first, since=_first_day(own, times))


def _effect_of(own: date, old: Parts, new: Parts, read: Read) -> Effect:
    """Read and compare the parts of a day; all of its reach counts if one cannot be read."""
    try:
        before, after = ([read(part) for part in parts] for parts in (old, new))
    except DamagedError:
        return Effect(own=True, since=own)
    tables = before + after
    empty = tables[0].slice(0, 0)
    return find_effect(own, pa.concat_tables(before or [empty]), pa.concat_tables(after or [empty]))


def differing_days(before: Parts, after: Parts) -> Iterator[tuple[date, Parts, Parts]]:
    """Yield each day with the parts that only one side has."""
    sides = [_by_day(parts) for parts in (before, after)]
    for day in sorted(sides[0].keys() | sides[1].keys()):
        old, new = (side.get(day, {}) for side in sides)
        if old.keys() != new.keys():
            yield (
                date.fromisoformat(day),
                [part for path, part in old.items() if path not in new],
                [part for path, part in new.items() if path not in old],
            )


def _by_day(parts: Parts) -> Mapping[str, dict[str, DataFile]]:
    found: dict[str, dict[str, DataFile]] = {}
    for part in parts:
        found.setdefault(part.day, {})[part.path] = part
    return found


def _sort_versions(old: pa.Table, new: pa.Table) -> tuple[pa.Table, Mask]:
    """Put equal versions of both sides next to each other, the old one first."""
    is_new = np.repeat([False, True], [old.num_rows, new.num_rows])
    rows = pa.concat_tables([old, new]).append_column(_SIDE, pa.array(is_new))
    rows = rows.sort_by([(name, "ascending") for name in (*VERSION_KEY, _SIDE)]).combine_chunks()
    return rows.drop_columns([_SIDE]), np.asarray(rows[_SIDE], dtype=np.bool_)


def _equals_next(column: pa.ChunkedArray) -> Mask:
    """Compare each value with the one in the next row, doubles by their bits."""
    values = column.combine_chunks()
    if pa.types.is_floating(values.type):
        values = values.view({16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[
            values.type.bit_width])  # fmt: skip
    one, other = values[:-1], values[1:]
    both_null = pc.and_(one.is_null(), other.is_null())
    same = pc.or_(pc.fill_null(pc.equal(one, other), fill_value=False), both_null)
    return np.asarray(same.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _first_day(own: date, times: Sequence[datetime | None]) -> date | None:
    known = [time.date() for time in times if time is not None]
    return max(own, min(known)) if known else None
