"""Lookup of hashes in runs, a chunk at a time: memory holds the chunks that are being read."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from pipelines.ingestion.index.runs import Days, Run, RunReader
from pipelines.ingestion.readers.values.hashes import Hashes

Positions = npt.NDArray[np.int64]
Found = tuple[Positions, Days]

# An object store has a high latency; of a disk, two cores read and search at once.
AT_ONCE = 4


def probe_runs(folder: str, runs: Sequence[Run], hashes: Hashes) -> Found:
    """Find the entries of hashes.

    Args:
        folder: of the runs.
        runs: any number.
        hashes: sorted.

    Returns:
        Positions in `hashes` with the days of their entries, in no order.

    Raises:
        DamagedRunError: when a run is missing or was changed.
    """
    if not len(hashes):
        return _nothing()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        found = list(threads.map(lambda task: _probe(hashes, *task), _tasks(folder, runs, hashes)))
    found = [each for each in found if len(each[0])]
    if not found:
        return _nothing()
    return np.concatenate([p for p, _ in found]), np.concatenate([d for _, d in found])


def _nothing() -> Found:
    return np.zeros(0, np.int64), np.zeros(0, np.int32)


def _tasks(
    folder: str, runs: Sequence[Run], hashes: Hashes
) -> Iterator[tuple[RunReader, int, int, int]]:
    """Yield chunks that may hold hashes, each with the range of those hashes."""
    for run in runs:
        firsts = np.array([chunk.first for chunk in run.chunks], np.uint64)
        lasts = np.array([chunk.last for chunk in run.chunks], np.uint64)
        starts = np.searchsorted(hashes, firsts, "left").tolist()
        ends = np.searchsorted(hashes, lasts, "right").tolist()
        wanted = [n for n in range(len(run.chunks)) if starts[n] < ends[n]]
        if wanted:
            reader = RunReader(folder, run)
            for number in wanted:
                yield reader, number, starts[number], ends[number]


def _probe(hashes: Hashes, reader: RunReader, number: int, start: int, end: int) -> Found:
    """Find the entries of `hashes[start:end]` in a chunk."""
    entries, wanted = reader.hashes(number), hashes[start:end]
    left = np.searchsorted(entries, wanted, "left")
    left[left == len(entries)] = 0  # smaller than what is wanted, so no hit
    hits = np.flatnonzero(entries[left] == wanted)
    if not len(hits):
        return _nothing()
    left = left[hits]
    counts = np.searchsorted(entries, wanted[hits], "right") - left
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    days = reader.days(number)[np.repeat(left, counts) + within]
    return np.repeat(hits + start, counts), days
