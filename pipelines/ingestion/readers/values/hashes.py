"""A hash of values that is the same in every version of every library, as it is stored."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Hashes = npt.NDArray[np.uint64]

WORD_BYTES = 8
# The constants of splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def hash_ids(ids: pa.Array | pa.ChunkedArray) -> Hashes:
    """Hash ids, integers or text, to 64 bits.

    An integer and its text have different hashes: cast to the type of the table first. Among
    100 million ids, two share a hash with a probability of 0.03 %.

    >>> hash_ids(pa.array([1, 2])).tolist()
    [10451216379200822465, 10905525725756348110]
    """
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks()
    if pa.types.is_integer(ids.type):
        return mix(ids.fill_null(0).cast(pa.int64()).to_numpy().view(np.uint64))
    return _hash_text(ids.fill_null("").cast(pa.string()))


def mix(numbers: Hashes) -> Hashes:
    """Compute the output of splitmix64 for each state."""
    mixed = numbers + _GAMMA
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))


def _hash_text(ids: pa.StringArray) -> Hashes:
    """Hash the UTF-8 bytes of texts, eight at a time, after their lengths."""
    offsets, words = _words(ids)
    starts, lengths = offsets[:-1], np.diff(offsets)
    hashes = mix(lengths.astype(np.uint64))
    longer, done = np.flatnonzero(lengths > 0), 0
    while len(longer):
        rest = np.minimum(lengths[longer] - done, WORD_BYTES).astype(np.uint64)
        unused = np.uint64(8) * (np.uint64(WORD_BYTES) - rest)
        word = words[starts[longer] + done] << unused >> unused
        hashes[longer] = mix(hashes[longer] ^ word)
        done += WORD_BYTES
        longer = longer[lengths[longer] > done]
    return hashes


def _words(ids: pa.StringArray) -> tuple[npt.NDArray[np.int64], Hashes]:
    """Return the offsets of texts, and the eight bytes that begin at each offset."""
    _, ends, data = ids.buffers()
    if len(ids) == 0 or data is None:
        return np.zeros(len(ids) + 1, np.int64), np.zeros(1, np.uint64)
    offsets = np.frombuffer(ends, np.int32)[ids.offset : ids.offset + len(ids) + 1]
    offsets = offsets.astype(np.int64)
    padded = np.zeros(offsets[-1] - offsets[0] + WORD_BYTES, np.uint8)
    padded[:-WORD_BYTES] = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    count = len(padded) - WORD_BYTES + 1
    words: Hashes = np.ndarray((count,), "<u8", padded.data, strides=(1,))
    return offsets - offsets[0], words
