"""The index of a table's transaction ids: sorted runs of (hash of an id, day).

It heals itself. Parts of the table that it does not cover are added when it is opened; when a run
is missing or was changed, it is built anew. Entries of parts that were replaced since may stay.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from expectations.contract import TRANSACTION_ID
from feature_jobs.io import DataFile
from pipelines.ingestion.index.merging import merge_crowded
from pipelines.ingestion.index.probing import Found, Positions, probe_runs
from pipelines.ingestion.index.run_list import RunList, load_list, remove_unlisted, save_list
from pipelines.ingestion.index.runs import (
    DamagedRunError,
    Days,
    Run,
    RunWriter,
    sort_entries,
)
from pipelines.ingestion.readers.values.hashes import Hashes, hash_ids
from pipelines.lake import Lake

FOLDER = "_ids"  # Delta ignores folders that begin with an underscore
FLUSH = 1 << 21  # entries that are sorted at a time
PARTS_AT_ONCE = 4
EPOCH = date(1970, 1, 1).toordinal()
T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hits:
    """Days that hold ids, as far as hashes tell: each pair once, by position and day.

    Attributes:
        positions: in the ids that were asked for.
        days: of the rows, with the same length.
    """

    positions: Positions
    days: npt.NDArray[np.datetime64]


class IdIndex:
    """The index of one table, opened by `open`.

    Args:
        lake: with or without the table.
        table: its name.
    """

    def __init__(self, lake: Lake, table: str) -> None:
        self._lake, self._table = lake, table
        self.folder = f"{lake.folder(table)}/{FOLDER}"
        self._listed = load_list(self.folder)

    @classmethod
    def open(cls, lake: Lake, table: str = "transactions") -> Self:
        """Open the index and add the parts of the latest version that it does not cover.

        Raises:
            DamagedError: when such a part is missing or was changed.
        """
        index = cls(lake, table)
        index._retrying(index._cover_all)
        return index

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs, the oldest first."""
        return self._listed.runs

    @contextmanager
    def adding(self) -> Iterator[RunWriter]:
        """Add sorted entries, of rows that are about to be filed.

        Lookups do not find them before the end.
        """
        with RunWriter(self.folder) as writer:
            yield writer
        if writer.runs:
            self._save([*self.runs, *writer.runs], self._listed.covered)
            while merged := merge_crowded(self.folder, self.runs):
                self._save(merged, self._listed.covered)

    def cover(self, paths: Iterable[str]) -> None:
        """Note parts of the table whose entries were added."""
        self._save(self.runs, self._listed.covered | set(paths))

    def find_days(self, ids: pa.Array | pa.ChunkedArray) -> Hits:
        """Find the days that hold rows with some ids.

        A day may be named that holds none: hashes may collide, and a row may have been moved since.
        So callers compare the ids that they find there. No day that holds one is left out.

        Args:
            ids: of the type of the table's.
        """
        positions, days = self.find_hashes(hash_ids(ids))
        return Hits(positions, days.astype("datetime64[D]"))

    def find_hashes(self, hashes: Hashes) -> Found:
        """Find the entries of hashes: positions in them and days, each pair once, in order."""
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        positions, days = self._retrying(lambda: probe_runs(self.folder, self.runs, ordered))
        positions = order[positions]
        sort = np.lexsort((days, positions))
        positions, days = positions[sort], days[sort]
        kept = np.ones(len(positions), np.bool_)
        kept[1:] = (positions[1:] != positions[:-1]) | (days[1:] != days[:-1])
        return positions[kept], days[kept]

    def _retrying(self, act: Callable[[], T]) -> T:
        """Do something with the runs; once more with others if one is missing or damaged."""
        try:
            return act()
        except DamagedRunError as error:
            self._listed = load_list(self.folder)
            # Else another process merged the run since, and the new list has its entries.
            if error.name in {run.name for run in self.runs}:
                log.warning("The id index %s is built anew: %s", self.folder, error)
                self._save([], frozenset())
            self._cover_all()
            return act()

    def _cover_all(self) -> None:
        """Add the parts of the latest version that are not covered."""
        at = self._lake.latest(self._table)
        parts = [] if at is None else self._lake.parts(at)
        days = {path.partition("/")[0] for path in self._listed.covered}
        new = [part for part in parts if part.path not in self._listed.covered]
        # Days without entries come first: nothing has to be looked up for them.
        fresh = [part for part in new if part.path.partition("/")[0] not in days]
        again = [part for part in new if part.path.partition("/")[0] in days]
        self._add(fresh, self._read_entries(fresh))
        self._add(again, self._only_unknown(self._read_entries(again)))
        covered = frozenset(part.path for part in parts)
        if covered != self._listed.covered:
            self._save(self.runs, covered)

    def _add(self, parts: Sequence[DataFile], entries: Iterator[tuple[Hashes, Days]]) -> None:
        """Write the entries of parts as runs, and list them from time to time."""
        waiting: list[tuple[Hashes, Days]] = []
        begun = 0
        for number, entry in enumerate(entries, start=1):
            waiting.append(entry)
            if number == len(parts) or sum(len(own) for own, _ in waiting) >= FLUSH:
                written = self._write(waiting)
                covered = {part.path for part in parts[begun:number]}
                self._save([*self.runs, *written], self._listed.covered | covered)
                while merged := merge_crowded(self.folder, self.runs):
                    self._save(merged, self._listed.covered)
                waiting, begun = [], number

    def _write(self, entries: Sequence[tuple[Hashes, Days]]) -> list[Run]:
        hashes = np.concatenate([own for own, _ in entries])
        days = np.concatenate([own for _, own in entries])
        with RunWriter(self.folder) as writer:
            if len(hashes):
                writer.append(*sort_entries(hashes, days))
        return writer.runs

    def _save(self, runs: Sequence[Run], covered: frozenset[str]) -> None:
        before = [run.name for run in self.runs]
        self._listed = RunList(tuple(runs), covered)
        save_list(self.folder, self._listed)
        remove_unlisted(self.folder, self._listed, replaced=before)

    def _read_entries(self, parts: Sequence[DataFile]) -> Iterator[tuple[Hashes, Days]]:
        """Yield the entries of each part, in order; a few parts are read at once."""

        def read(part: DataFile) -> tuple[Hashes, Days]:
            rows = self._lake.read_part(self._table, part, columns=[TRANSACTION_ID])
            hashes = hash_ids(rows[TRANSACTION_ID])
            day = date.fromisoformat(part.day).toordinal() - EPOCH
            return hashes, np.full(len(hashes), day, np.int32)

        with ThreadPoolExecutor(PARTS_AT_ONCE) as threads:
            for start in range(0, len(parts), PARTS_AT_ONCE):
                yield from threads.map(read, parts[start : start + PARTS_AT_ONCE])

    def _only_unknown(
        self, entries: Iterator[tuple[Hashes, Days]]
    ) -> Iterator[tuple[Hashes, Days]]:
        """Leave out entries that the runs have: most of a day that was written anew."""
        waiting: list[tuple[Hashes, Days]] = []
        for entry in entries:
            waiting.append(entry)
            if sum(len(own) for own, _ in waiting) >= FLUSH // 2:
                yield from self._compare(waiting)
                waiting = []
        yield from self._compare(waiting)

    def _compare(self, entries: Sequence[tuple[Hashes, Days]]) -> Iterator[tuple[Hashes, Days]]:
        if not entries:
            return
        hashes = np.concatenate([own for own, _ in entries])
        days = np.concatenate([own for _, own in entries])
        order = np.argsort(hashes, kind="stable")
        positions, found = probe_runs(self.folder, self.runs, hashes[order])
        positions = order[positions]
        known = np.zeros(len(hashes), np.bool_)
        known[positions[found == days[positions]]] = True
        start = 0
        for own, day in entries:
            unknown = ~known[start : start + len(own)]
            yield own[unknown], day[unknown]
            start += len(own)
