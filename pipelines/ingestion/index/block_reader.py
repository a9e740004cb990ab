"""Reads blocks of a run in a folder of this machine: the file is mapped, not read.

In an object store each read is a request, so there a lookup reads whole chunks.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import fs

from feature_jobs.io import resolve
from pipelines.ingestion.index import fences, runs
from pipelines.ingestion.index.fences import mask_of, sum_of, word_of
from pipelines.ingestion.index.runs import (
    ENTRY_BYTES,
    HASH_BYTES,
    DamagedRunError,
    Days,
    Run,
)
from pipelines.ingestion.readers.values.hashes import Hashes

Blocks = npt.NDArray[np.int64]


class BlockReader:
    """A mapped run with its fences.

    Args:
        folder: of the runs.
        run: with fences.

    Raises:
        DamagedRunError: when it is missing, of another size, or has other fences; also by its
            methods.
    """

    def __init__(self, folder: str, run: Run) -> None:
        self.run = run
        _, path = resolve(f"{folder}/{run.name}")
        blocks = run.full_chunks * (runs.CHUNK // fences.BLOCK)
        words = fences.KINDS * blocks
        try:
            size = Path(path).stat().st_size
            if size != run.size_bytes + words * HASH_BYTES:
                raise DamagedRunError(run.name)
            with pa.memory_map(path) as file:
                self._content = file.read_buffer()
        except FileNotFoundError as error:
            raise DamagedRunError(run.name) from error
        found = np.frombuffer(self._content.slice(run.size_bytes), "<u8")
        if sum_of(found) != run.fence_sum:
            raise DamagedRunError(run.name)
        kinds = found.reshape(fences.KINDS, blocks)
        self.firsts, self._hash_sums, self._day_sums = kinds[:3]
        self._filters = kinds[3:]

    def may_hold(self, hashes: Hashes, blocks: Blocks) -> npt.NDArray[np.bool_]:
        """Return for each hash False if the block beside it does not hold it."""
        mask = mask_of(hashes)
        held: npt.NDArray[np.bool_] = (self._filters[word_of(hashes), blocks] & mask) == mask
        return held

    def hashes(self, blocks: Blocks) -> Hashes:
        """Read the hashes of blocks, in their order."""
        return self._read(blocks, np.dtype("<u8"), 0, self._hash_sums)

    def days(self, blocks: Blocks) -> Days:
        """Read the days of blocks, in their order."""
        start = runs.CHUNK * HASH_BYTES
        return self._read(blocks, np.dtype("<i4"), start, self._day_sums)

    def _read(
        self,
        blocks: Blocks,
        kind: np.dtype[Any],
        start: int,
        sums: Hashes,
    ) -> npt.NDArray[Any]:
        chunk, within = np.divmod(blocks, runs.CHUNK // fences.BLOCK)
        offsets = chunk * runs.CHUNK * ENTRY_BYTES + start
        offsets += within * fences.BLOCK * kind.itemsize
        # Every place of the file where a block could begin; nothing is read before it is taken.
        places = (self.run.size_bytes // kind.itemsize) - fences.BLOCK + 1
        step = kind.itemsize
        every = np.ndarray((places, fences.BLOCK), kind, self._content, strides=(step, step))
        values: npt.NDArray[Any] = every[offsets // step]
        width = np.int64 if kind.kind == "i" else np.uint64
        if not np.array_equal(values.sum(axis=1, dtype=width).view(np.uint64), sums[blocks]):
            raise DamagedRunError(self.run.name)
        return values.reshape(-1)


def is_mapped(folder: str, run: Run) -> bool:
    """Return True if the blocks of a run can be read one by one."""
    filesystem, _ = resolve(folder)
    return (
        run.fence_sum is not None
        and run.full_chunks > 0
        and isinstance(filesystem, fs.LocalFileSystem)
    )
