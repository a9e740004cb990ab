"""Ids that stand twice in a table, found without all ids in memory.

Of each day the lowest and the highest id are known, and whether it repeats one itself. Days whose
ranges do not overlap share no id, so ids that grow with time are not read at all. Other days are
compared by 64-bit keys, so many at a time that memory is bounded; equal keys are compared as ids.
Random ids have days whose ranges overlap all others; an index, where there is one, says which of
them have to be read.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from expectations import day_metrics
from expectations.results import EXAMPLES

UInt64s = npt.NDArray[np.uint64]
# Keys that are compared at once; sorting them takes a few hundred MB.
MOST_KEYS = 16_000_000
_BUCKET_BITS = 24
# Of so many days the ids are read without asking whether they have any of the new ones.
READ_UNASKED = 2

IdsOf = Callable[[str], pa.Array]
DaysWith = Callable[[pa.Array], Collection[str]]


@dataclass(frozen=True, slots=True)
class IdRange:
    """Ids of a day.

    Attributes:
        rows: how many there are.
        low, high: the lowest and the highest, in the order of numbers or of texts.
        is_unique: no id of the day stands twice in it; missing ones are none.
    """

    rows: int
    low: object
    high: object
    is_unique: bool

    @classmethod
    def of(cls, ids: pa.ChunkedArray) -> "IdRange":
        """Find it."""
        ends = pc.min_max(ids)
        is_unique = pc.count_distinct(ids, mode="only_valid").as_py() == len(ids) - ids.null_count
        return cls(len(ids), ends["min"].as_py(), ends["max"].as_py(), is_unique)

    def overlaps(self, other: "IdRange") -> bool:
        """Return True if the two may share an id."""
        ends = (self.low, self.high, other.low, other.high)
        if any(end is None or type(end) is not type(self.low) for end in ends):
            return True  # missing ids, or ids of two types
        return bool(self.low <= other.high and other.low <= self.high)  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows whose id stood in an earlier row, whatever its day.

    Attributes:
        counts: of each day that has any.
        examples: the first ids.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[object, ...] = ()


def find_repeats(
    days: Mapping[str, IdRange], ids_of: IdsOf, *, compared: Collection[str] = (),
    days_with: DaysWith | None = None,
) -> Repeats:  # fmt: skip
    """Find rows whose id stood before, in the order of days.

    Args:
        days: each day with its range of ids.
        ids_of: reads the ids of a day, in the order of its rows.
        compared: days of which it is known that none of their ids stands twice in them.
        days_with: finds all days that have one of some ids, and maybe others; None: nothing can.
            It is asked instead of reading the ids of many days.
    """
    new, old = _to_compare(days, set(compared))
    if not new:
        return Repeats()
    if days_with is not None and len(old) > READ_UNASKED:
        likely = {other for day in new for other in days_with(ids_of(day))}
        old = sorted(likely.intersection(old))
    passes = -(-sum(days[day].rows for day in new) // MOST_KEYS)
    found = [_repeated_keys(new, old, ids_of, at=at, passes=passes) for at in range(passes)]
    repeated = np.unique(np.concatenate(found))
    return _count(sorted({*new, *old}), ids_of, repeated) if len(repeated) else Repeats()


def _to_compare(
    days: Mapping[str, IdRange], compared: Collection[str]
) -> tuple[list[str], list[str]]:
    """List the days not compared yet that may share an id, and those compared that they meet."""
    fresh = [day for day in days if day not in compared]
    met: set[str] = set()
    touching: set[str] = set()
    for one, other in _overlapping(days, fresh):
        touching.add(one)
        (met if other in compared else touching).add(other)
    touching |= {day for day in fresh if not days[day].is_unique}
    return sorted(touching), sorted(met)


def _overlapping(days: Mapping[str, IdRange], fresh: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of a fresh day and a day with which it overlaps.

    Of a first load all days are fresh, so they are put in order of their lowest id; each is then
    compared with the one before it that reaches highest.
    """
    kinds = {type(end) for own in days.values() for end in (own.low, own.high)}
    if len(fresh) < len(days) or len(kinds) != 1:
        for day in fresh:
            yield from (
                (day, other) for other in days if other != day and days[day].overlaps(days[other])
            )
        return
    ordered = sorted(days, key=lambda day: days[day].low)  # type: ignore[arg-type, return-value]
    reach: str | None = None
    for day in ordered:
        if reach is not None and days[reach].overlaps(days[day]):
            yield day, reach
        if reach is None or days[day].high > days[reach].high:  # type: ignore[operator]
            reach = day


def _repeated_keys(
    new: Sequence[str], old: Sequence[str], ids_of: IdsOf, *, at: int, passes: int
) -> UInt64s:
    """Find keys that stand twice in the new days, or in a new and an old one."""

    def keys_of(day: str) -> UInt64s:
        keys = _keys(ids_of(day))
        return keys if passes == 1 else keys[keys % np.uint64(passes) == at]

    keys = np.sort(np.concatenate([keys_of(day) for day in new]))
    found = [keys[1:][keys[1:] == keys[:-1]]]
    shift = np.uint64(64 - _BUCKET_BITS)
    is_taken = np.zeros(1 << _BUCKET_BITS, dtype=np.bool_)
    is_taken[keys >> shift] = True
    for day in old:
        theirs = keys_of(day)
        theirs = theirs[is_taken[theirs >> shift]]
        places = np.minimum(np.searchsorted(keys, theirs), len(keys) - 1)
        found.append(theirs[keys[places] == theirs])
    return np.concatenate(found)


def _count(days: Sequence[str], ids_of: IdsOf, repeated: UInt64s) -> Repeats:
    """Count the rows with one of these keys whose id stood before."""
    chosen = []
    for day in days:
        ids = ids_of(day).drop_null()
        chosen.append(ids.filter(pa.array(np.isin(_keys(ids), repeated))))
    ids, ends = pa.chunked_array(chosen), np.cumsum([len(part) for part in chosen])
    positions = day_metrics.repeated(ids)
    numbers = np.bincount(np.searchsorted(ends, positions, side="right"), minlength=len(ends))
    counts = {day: int(count) for day, count in zip(days, numbers, strict=True) if count}
    return Repeats(counts, tuple(ids.take(pa.array(positions[:EXAMPLES])).to_pylist()))


def _keys(ids: pa.Array) -> UInt64s:
    """Give each id a key, equal ids the same, different ones of the same type almost never."""
    if pa.types.is_integer(ids.type):
        numbers = pc.fill_null(ids.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
        # Spread over all bits: a bucket is chosen by the highest.
        spread: UInt64s = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        return spread
    texts = pc.fill_null(ids.cast(pa.string()), "").to_numpy(zero_copy_only=False)
    return np.asarray(pd.util.hash_array(texts, categorize=False), dtype=np.uint64)
