"""Merging of runs, so that a history of nights is a few large runs.

Eight runs of a tier become one of the next, which is eight times as large; a full run is never
merged again. So an entry is written about four times in all.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from pipelines.ingestion.index.runs import CAP, Days, Run, RunReader, RunWriter, sort_entries
from pipelines.ingestion.readers.values.hashes import Hashes

FAN_IN = 8
# The runs of a tier are smaller than this; those of the last tier are full.
TIERS = tuple(CAP // FAN_IN**power for power in (2, 1, 0))
RANGE = 1 << 20  # entries that are merged at a time
_HASHES = 1 << 64


def merge_crowded(folder: str, runs: Sequence[Run]) -> list[Run] | None:
    """Merge the oldest runs of a tier that has eight; None when none has.

    Args:
        folder: of the runs; those that were merged stay in it.
        runs: the oldest first.

    Returns:
        The runs afterwards.

    Raises:
        DamagedRunError: when a run is missing or was changed.
    """
    chosen = _crowded(runs)
    if not chosen:
        return None
    names = {run.name for run in chosen}
    return [*_merge(folder, chosen), *(run for run in runs if run.name not in names)]


def _crowded(runs: Sequence[Run]) -> list[Run]:
    """Return eight runs of one tier, if there are; the smallest tier first."""
    for tier, bound in enumerate(TIERS):
        least = TIERS[tier - 1] if tier else 0
        own = [run for run in runs if least <= run.entries < bound]
        if len(own) >= FAN_IN:
            return own[:FAN_IN]
    return []


def _merge(folder: str, runs: Sequence[Run]) -> list[Run]:
    """Merge runs, a range of hashes at a time."""
    cursors = [_Cursor(RunReader(folder, run)) for run in runs]
    ranges = max(1, sum(run.entries for run in runs) // RANGE)
    with RunWriter(folder) as writer:
        for number in range(1, ranges + 1):
            last = _HASHES * number // ranges - 1
            taken = [own for cursor in cursors for own in cursor.take(last)]
            if taken:
                hashes = np.concatenate([own for own, _ in taken])
                days = np.concatenate([own for _, own in taken])
                writer.append(*sort_entries(hashes, days))
    return writer.runs


class _Cursor:
    """The entries of a run, taken in the order of their hashes."""

    def __init__(self, reader: RunReader) -> None:
        self._reader = reader
        self._next = 0
        self._rest: tuple[Hashes, Days] = (np.zeros(0, np.uint64), np.zeros(0, np.int32))

    def take(self, last: int) -> Iterator[tuple[Hashes, Days]]:
        """Yield the next entries with hashes up to and with `last`."""
        while True:
            hashes, days = self._rest
            end = int(np.searchsorted(hashes, np.uint64(last), "right"))
            self._rest = (hashes[end:], days[end:])
            if end:
                yield hashes[:end], days[:end]
            if len(self._rest[0]) or self._next == len(self._reader.run.chunks):
                return
            number, self._next = self._next, self._next + 1
            self._rest = (self._reader.hashes(number), self._reader.days(number))
