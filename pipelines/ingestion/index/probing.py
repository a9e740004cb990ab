"""Lookup of hashes in runs: memory holds the blocks or the chunks that are being read."""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from pipelines.ingestion.index.block_reader import BlockReader, Blocks, is_mapped
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
    mapped = [run for run in runs if is_mapped(folder, run)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        found = list(threads.map(lambda run: _probe_blocks(hashes, folder, run), mapped))
        tasks = _tasks(folder, runs, hashes, mapped={run.name for run in mapped})
        found += threads.map(lambda task: _probe(hashes, *task), tasks)
    found = [each for each in found if len(each[0])]
    if not found:
        return _nothing()
    return np.concatenate([p for p, _ in found]), np.concatenate([d for _, d in found])


def _nothing() -> Found:
    return np.zeros(0, np.int64), np.zeros(0, np.int32)


def _probe_blocks(hashes: Hashes, folder: str, run: Run) -> Found:
    """Find the entries of hashes in the full chunks of a run."""
    last = run.chunks[run.full_chunks - 1].last
    start = int(np.searchsorted(hashes, np.uint64(run.chunks[0].first), "left"))
    end = int(np.searchsorted(hashes, np.uint64(last), "right"))
    if start == end:
        return _nothing()
    reader, wanted = BlockReader(folder, run), hashes[start:end]
    blocks = _blocks_with(wanted, reader)
    if not len(blocks):
        return _nothing()
    found = _match(reader.hashes(blocks), wanted, lambda: reader.days(blocks))
    return found[0] + start, found[1]


def _blocks_with(wanted: Hashes, reader: BlockReader) -> Blocks:
    """Find the blocks that may hold sorted hashes: each once, in order."""
    firsts = reader.firsts
    place = np.searchsorted(firsts, wanted, "left")
    before = (place - 1).clip(0)
    likely: Blocks = before[reader.may_hold(wanted, before)]
    # Equal hashes, of several days, may lie on both sides of a fence and in whole blocks.
    is_fence = np.flatnonzero(firsts[place.clip(max=len(firsts) - 1)] == wanted)
    ends = np.searchsorted(firsts, wanted[is_fence], "right")
    equal = [np.arange(place[n], end) for n, end in zip(is_fence, ends, strict=True)]
    return np.unique(np.concatenate([likely, *equal]))


def _tasks(
    folder: str, runs: Sequence[Run], hashes: Hashes, *, mapped: Collection[str]
) -> Iterator[tuple[RunReader, int, int, int]]:
    """Yield chunks that may hold hashes, each with the range of those hashes."""
    for run in runs:
        firsts = np.array([chunk.first for chunk in run.chunks], np.uint64)
        lasts = np.array([chunk.last for chunk in run.chunks], np.uint64)
        starts = np.searchsorted(hashes, firsts, "left").tolist()
        ends = np.searchsorted(hashes, lasts, "right").tolist()
        done = run.full_chunks if run.name in mapped else 0
        wanted = [n for n in range(done, len(run.chunks)) if starts[n] < ends[n]]
        if wanted:
            reader = RunReader(folder, run)
            for number in wanted:
                yield reader, number, starts[number], ends[number]


def _probe(hashes: Hashes, reader: RunReader, number: int, start: int, end: int) -> Found:
    """Find the entries of `hashes[start:end]` in a chunk."""
    found = _match(reader.hashes(number), hashes[start:end], lambda: reader.days(number))
    return found[0] + start, found[1]


def _match(entries: Hashes, wanted: Hashes, load_days: Callable[[], Days]) -> Found:
    """Find sorted hashes among sorted entries; the days are loaded if there is one."""
    left = np.searchsorted(entries, wanted, "left")
    left[left == len(entries)] = 0  # smaller than what is wanted, so no hit
    hits = np.flatnonzero(entries[left] == wanted)
    if not len(hits):
        return _nothing()
    left = left[hits]
    counts = np.searchsorted(entries, wanted[hits], "right") - left
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    days = load_days()[np.repeat(left, counts) + within]
    return np.repeat(hits, counts), days
