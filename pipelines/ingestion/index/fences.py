"""Fences of a run: the first hash of each block, with sums over the block that reveal a change.

A night's ids are spread over all chunks of all runs. By the fences a lookup reads, of each chunk,
the blocks that can hold one of them, instead of all its hashes. Blocks are small: each of 50,000
ids asks for another one, in each run. A Bloom filter of each block leaves out most blocks that
have none of them.
"""

import numpy as np
import numpy.typing as npt

from pipelines.ingestion.readers.values.hashes import Hashes

BLOCK = 64  # entries; 512 bytes of hashes
WORDS = 8  # of 64 bits, of the filter of a block: 8 bits an entry
KINDS = 3 + WORDS  # first hash, sum of hashes, sum of days, filter

Fences = npt.NDArray[np.uint64]


def fences_of(hashes: Hashes, days: npt.NDArray[np.int32]) -> Fences:
    """Compute the fences of a full chunk, one row a kind."""
    blocks, own = hashes.reshape(-1, BLOCK), days.reshape(-1, BLOCK)
    sums = own.sum(axis=1, dtype=np.int64).view(np.uint64)
    number = np.repeat(np.arange(len(blocks)), BLOCK)
    filters = np.zeros((WORDS, len(blocks)), np.uint64)
    np.bitwise_or.at(filters, (word_of(hashes), number), mask_of(hashes))
    return np.vstack([blocks[:, 0], blocks.sum(axis=1, dtype=np.uint64), sums, filters])


def word_of(hashes: Hashes) -> npt.NDArray[np.int64]:
    """Choose the word of a filter for each hash, by its low bits: a block shares the high ones."""
    return (hashes & np.uint64(WORDS - 1)).astype(np.int64)


def mask_of(hashes: Hashes) -> Hashes:
    """Compute the three bits of each hash."""
    one = np.uint64(1)
    shifts = [(hashes >> np.uint64(low)) & np.uint64(63) for low in (3, 9, 15)]
    mask: Hashes = (one << shifts[0]) | (one << shifts[1]) | (one << shifts[2])
    return mask


def join_fences(fences: list[Fences]) -> Fences:
    """Join the fences of the full chunks of a run."""
    joined = np.concatenate(fences, axis=1) if fences else np.zeros((KINDS, 0), np.uint64)
    return np.ascontiguousarray(joined, "<u8")


def sum_of(values: npt.NDArray[np.generic]) -> int:
    """Sum integers modulo 2**64."""
    return int(np.sum(values, dtype=np.int64 if values.dtype.kind == "i" else np.uint64))
