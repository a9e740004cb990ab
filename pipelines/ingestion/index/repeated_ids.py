"""Ids of a large delivery that occur on more than one day, of the delivery or of the table.

Hashes are spilled by range, and a few ranges at a time are compared: memory does not grow with the
delivery.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.ingestion.index.id_index import IdIndex
from pipelines.ingestion.index.probing import Positions
from pipelines.ingestion.index.runs import Days, sort_entries
from pipelines.ingestion.readers.values.hashes import Hashes, hash_ids

BITS = 8
RANGES = 1 << BITS
BUFFER_BYTES = 1 << 15
AT_ONCE = 1 << 21  # entries that are compared at a time
_ENTRY = np.dtype([("hash", "<u8"), ("day", "<i4")])


@dataclass(frozen=True, slots=True)
class Survey:
    """The days that hold ids of a delivery and of a table.

    Attributes:
        repeated: hashes of delivered ids that occur on several days, the table's included; sorted.
        repeated_days: all of these days.
        positions: in the hashes that were asked for.
        days: since 1970, that hold them; of the same length, a pair may stand twice.
    """

    repeated: Hashes
    repeated_days: Days
    positions: Positions
    days: Days


class DeliveredIds:
    """The ids of a delivery by day, in temporary files until it is closed.

    Args:
        scratch: the folder of the files; None: the machine's.
    """

    def __init__(self, scratch: str | None = None) -> None:
        self._open = ExitStack()
        self._files = [self._open.enter_context(_open_file(scratch)) for _ in range(RANGES)]
        self._counts = np.zeros(RANGES, np.int64)

    def close(self) -> None:
        """Remove the files."""
        self._open.close()

    def add(self, ids: pa.Array | pa.ChunkedArray, days: Days) -> None:
        """Add ids of the type of the table's, each with its day since 1970."""
        entries = np.empty(len(ids), _ENTRY)
        entries["hash"], entries["day"] = hash_ids(ids), days
        self._add(entries[np.argsort(entries["hash"])])

    def to_bytes(self) -> bytes:
        """Return all entries, sorted by hash, for `add_bytes` of another process."""
        parts = []
        for hashes, days in self._ranges():
            entries = np.empty(len(hashes), _ENTRY)
            entries["hash"], entries["day"] = hashes, days
            parts.append(entries.tobytes())
        return b"".join(parts)

    def add_bytes(self, content: bytes) -> None:
        """Add entries that `to_bytes` returned."""
        self._add(np.frombuffer(content, _ENTRY))

    def _add(self, entries: npt.NDArray[np.void]) -> None:
        """Divide sorted entries among the files."""
        bounds = np.arange(1, RANGES, dtype=np.uint64) << np.uint64(64 - BITS)
        ends = [*np.searchsorted(entries["hash"], bounds).tolist(), len(entries)]
        start = 0
        for number, end in enumerate(ends):
            if start < end:
                self._files[number].write(entries[start:end].tobytes())
                self._counts[number] += end - start
            start = end

    def survey(self, index: IdIndex, wanted: Hashes) -> Survey:
        """Find ids that occur on several days, and the days of some ids; index the delivery.

        The index gets all entries of the delivery before it is filed; an entry too many is
        harmless. Hashes may collide, so callers compare the ids.

        Args:
            index: of the table.
            wanted: hashes whose days are asked for; sorted.
        """
        repeated, repeated_days = [np.zeros(0, np.uint64)], [np.zeros(0, np.int32)]
        found = [index.find_hashes(wanted)]
        with index.adding() as writer:
            for hashes, own in self._ranges():
                again = _repeated(hashes, own, index)
                repeated.append(again)
                repeated_days += [_places(again, hashes, own)[1], index.find_hashes(again)[1]]
                found.append(_places(wanted, hashes, own))
                writer.append(hashes, own)
        return Survey(
            repeated=np.concatenate(repeated),
            repeated_days=np.unique(np.concatenate(repeated_days)),
            positions=np.concatenate([each[0] for each in found]),
            days=np.concatenate([each[1] for each in found]),
        )

    def _ranges(self) -> Iterator[tuple[Hashes, Days]]:
        """Yield the sorted entries of a few ranges at a time."""
        waiting: list[npt.NDArray[np.void]] = []
        for number, file in enumerate(self._files):
            file.seek(0)
            waiting.append(np.frombuffer(file.read(), _ENTRY))
            following = self._counts[number + 1] if number + 1 < RANGES else AT_ONCE
            if sum(map(len, waiting)) + following >= AT_ONCE:
                entries = np.concatenate(waiting)
                waiting = []
                yield sort_entries(entries["hash"], entries["day"])


def _repeated(hashes: Hashes, days: Days, index: IdIndex) -> Hashes:
    """Return the hashes of sorted entries that occur on several days, the index's included."""
    is_again = np.zeros(len(hashes), np.bool_)
    is_again[1:] = hashes[1:] == hashes[:-1]
    positions, filed = index.find_hashes(hashes)
    is_again[positions[filed != days[positions]]] = True
    return np.unique(hashes[is_again])


def _places(wanted: Hashes, hashes: Hashes, days: Days) -> tuple[Positions, Days]:
    """Find the sorted hashes that are asked for among sorted entries."""
    first = int(np.searchsorted(wanted, hashes[0])) if len(hashes) else 0
    last = int(np.searchsorted(wanted, hashes[-1], side="right")) if len(hashes) else 0
    asked = wanted[first:last]
    starts = np.searchsorted(hashes, asked)
    counts = np.searchsorted(hashes, asked, side="right") - starts
    positions = np.repeat(np.arange(first, last), counts)
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return positions, days[np.repeat(starts, counts) + offsets]


def _open_file(scratch: str | None) -> IO[bytes]:
    return tempfile.TemporaryFile(dir=scratch, buffering=BUFFER_BYTES)  # deleted when closed


def days_since_1970(days: pa.Array | pa.ChunkedArray) -> Days:
    """Convert event days, text as `2025-01-01`, to days since 1970."""
    found: Days = days.cast(pa.date32()).cast(pa.int32()).to_numpy()
    return found
