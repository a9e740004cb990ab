"""Labels of transactions that a correction moved to another day.

A label is filed under the day of its transaction's first version, and belongs in windows to the
version that holds. Where that one lies on a later day, the label is read from the first day, and
a change of it changes the days that see the later one.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import IS_FIRST, KNOWN_TIME, REPLACED_TIME, TRANSACTION_ID
from feature_jobs.io import DataFile
from pipelines.config import Snapshot
from pipelines.features.changed_rows import Read, differing_days, find_effect
from pipelines.features.record import SnapshotParts
from pipelines.ingestion import TRANSACTIONS, IdIndex
from pipelines.lake import DamagedError, Lake

COLUMNS = (TRANSACTION_ID, KNOWN_TIME, REPLACED_TIME, IS_FIRST)

Find = Callable[[pa.Array], Sequence[date]]


def find_label_days(lake: Lake, pinned: Snapshot, *, first: str, last: str, read: Read) -> set[str]:
    """Find the days before `first` that have labels of versions of the days `first` to `last`.

    Args:
        lake: has the tables.
        pinned: their versions.
        first: the first day of the versions.
        last: the last day of them.
        read: reads `COLUMNS` of a part of the transactions.
    """
    parts = lake.parts(pinned.transactions)
    labelled = {part.day for part in lake.parts(pinned.labels) if part.day < first}
    if not labelled:
        return set()
    inside = [part for part in parts if first <= part.day <= last]
    wanted, found = [], []
    for part in inside:
        rows = read(part)
        wanted.append(_moved_here(rows))
        found.append(_firsts(rows))
    missing = _without(wanted, found)
    if not len(missing):
        return set()
    before = [part for part in parts if part.day < first]
    likely = {str(day) for day in _find_days(lake)(missing)}
    homes: set[str] = set()
    # The index is of the latest version, and this may be an earlier one: then all days are read.
    for part in sorted(before, key=lambda part: (part.day not in likely, part.day)):
        firsts = _firsts(read(part))
        own = pc.is_in(firsts, value_set=missing)
        if pc.any(own).as_py():
            homes.add(part.day)
            missing = _without([missing], [firsts])
        if not len(missing):
            break
    return homes & labelled


def find_moved_days(
    days: Collection[str], before: SnapshotParts, after: SnapshotParts, *, lake: Lake,
    read_rows: Read, read_labels: Read, lookback_days: int,
) -> set[str]:  # fmt: skip
    """Find the days that see labels that differ, of transactions that were moved to later days.

    Args:
        days: days whose features were computed from the parts before.
        before: parts that they were computed from.
        after: parts to compare with.
        lake: has the tables.
        read_rows: reads `COLUMNS` of a part of the transactions.
        read_labels: reads the columns of a part of the labels that features depend on.
        lookback_days: days before a day that its features can read.
    """
    found: set[str] = set()
    find = _find_days(lake)
    for own, old, new in differing_days(before.labels, after.labels):
        moved = _moved_from(str(own), before, after, read_rows)
        if not len(moved):
            continue
        since = _changed_since(own, moved, old, new, read_labels)
        if since is None:
            continue
        for later in find(moved):
            first, last = max(later, since), later + timedelta(days=lookback_days)
            if later > own:
                found |= {day for day in days if str(first) <= day <= str(last)}
    return found


def _find_days(lake: Lake) -> Find:
    """Make the function from ids to the days of their versions; it opens the index once."""
    opened: list[IdIndex] = []

    def find(ids: pa.Array) -> list[date]:
        if not opened:
            opened.append(IdIndex.open(lake, TRANSACTIONS))
        return sorted(set(opened[0].find_days(ids).days.tolist()))

    return find


def _moved_from(day: str, before: SnapshotParts, after: SnapshotParts, read: Read) -> pa.Array:
    """Return the ids of the first versions of a day that a version of another day replaced."""
    parts = {part.path: part for part in after.transactions if part.day == day}
    ids = [_moved_away(read(part)) for part in parts.values()]
    for part in before.transactions:
        if part.day == day and part.path not in parts:
            try:
                ids.append(_moved_away(read(part)))
            except DamagedError:
                continue  # the label's part of its new day differs too
    return _without(ids, [])


def _changed_since(
    own: date, moved: pa.Array, old: Sequence[DataFile], new: Sequence[DataFile], read: Read
) -> date | None:
    """Return the day since which labels of some transactions differ; None if they do not."""
    try:
        sides = [[_of(read(part), moved) for part in parts] for parts in (old, new)]
    except DamagedError:
        return own
    empty = (sides[0] + sides[1])[0].slice(0, 0)
    return find_effect(own, *(pa.concat_tables(side or [empty]) for side in sides)).since


def _moved_away(rows: pa.Table) -> pa.ChunkedArray:
    """Return the ids of first versions whose next version is not among the rows."""
    replaced = rows.filter(pc.and_(rows[REPLACED_TIME].is_valid(), rows[IS_FIRST]))
    if not replaced.num_rows:
        return replaced[TRANSACTION_ID]
    nexts = rows.filter(
        pc.is_in(rows[TRANSACTION_ID], value_set=replaced[TRANSACTION_ID].combine_chunks())
    )
    pairs = nexts.select([TRANSACTION_ID, KNOWN_TIME])
    away = replaced.select([TRANSACTION_ID, REPLACED_TIME]).join(
        pairs,
        [TRANSACTION_ID, REPLACED_TIME],
        [TRANSACTION_ID, KNOWN_TIME],
        join_type="left anti",
    )
    return away[TRANSACTION_ID]


def _moved_here(rows: pa.Table) -> pa.ChunkedArray:
    """Return the ids of versions that hold at some time and are not first."""
    holds = pc.fill_null(pc.not_equal(rows[REPLACED_TIME], rows[KNOWN_TIME]), fill_value=True)
    return rows.filter(pc.and_(holds, pc.invert(rows[IS_FIRST])))[TRANSACTION_ID]


def _firsts(rows: pa.Table) -> pa.ChunkedArray:
    return rows.filter(rows[IS_FIRST])[TRANSACTION_ID]


def _of(rows: pa.Table, ids: pa.Array) -> pa.Table:
    return rows.filter(pc.is_in(rows[TRANSACTION_ID], value_set=ids))


def _without(
    ids: Sequence[pa.ChunkedArray | pa.Array], others: Sequence[pa.ChunkedArray]
) -> pa.Array:
    """Return the distinct ids that are not among others."""
    distinct = pc.unique(_joined(ids))
    if not len(distinct) or not others:
        return distinct
    return distinct.filter(pc.invert(pc.is_in(distinct, value_set=pc.unique(_joined(others)))))


def _joined(ids: Sequence[pa.ChunkedArray | pa.Array]) -> pa.ChunkedArray:
    chunks: Iterator[pa.Array] = (
        chunk
        for each in ids
        for chunk in (each.chunks if isinstance(each, pa.ChunkedArray) else [each])
    )
    return pa.chunked_array(list(chunks), ids[0].type) if ids else pa.chunked_array([], pa.null())
