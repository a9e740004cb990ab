"""Runs: immutable files of (hash, day), sorted by hash, named by the hash of their bytes.

A run is a sequence of chunks, each its hashes and then its days, so that a lookup reads the hashes
alone. Sums over each chunk are in the list of runs, and reveal a chunk that was changed. After the
chunks come the fences, `pipelines.ingestion.index.fences`, by which a lookup finds the few blocks
of a chunk that it has to read.
"""

import hashlib
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import fs

from feature_jobs.io import resolve
from feature_jobs.io.naming import DIGITS
from pipelines.ingestion.index.fences import Fences, fences_of, join_fences, sum_of
from pipelines.ingestion.readers.values.hashes import Hashes

Days = npt.NDArray[np.int32]

CHUNK = 1 << 18  # entries; 3 MB
CAP = 1 << 24  # entries of a run; 200 MB
HASH_BYTES, DAY_BYTES = 8, 4
ENTRY_BYTES = HASH_BYTES + DAY_BYTES
BLOCK_BYTES = 4 << 20


class DamagedRunError(Exception):
    """A run is missing or not what was written; the index is built anew."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the run {name} is missing or was changed")
        self.name = name


@dataclass(frozen=True, slots=True)
class Chunk:
    """The span of hashes of a chunk, the number of its entries, and its sums modulo 2**64."""

    first: int
    last: int
    entries: int
    hash_sum: int
    day_sum: int

    @property
    def values(self) -> tuple[int, int, int, int, int]:
        """All of it, in the order of the fields."""
        return self.first, self.last, self.entries, self.hash_sum, self.day_sum


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it is listed.

    Attributes:
        name: of its file.
        chunks: all of them full but the last.
        fence_sum: of the fences; None of a run that was written without.
    """

    name: str
    chunks: tuple[Chunk, ...]
    fence_sum: int | None = None

    @property
    def entries(self) -> int:
        """The number of entries."""
        return sum(chunk.entries for chunk in self.chunks)

    @property
    def size_bytes(self) -> int:
        """The size of the chunks in the file."""
        return self.entries * ENTRY_BYTES

    @property
    def full_chunks(self) -> int:
        """The number of full chunks."""
        return sum(chunk.entries == CHUNK for chunk in self.chunks)


class RunReader:
    """An open run; chunks may be read by several threads.

    Raises:
        DamagedRunError: when it is missing; also by its methods.
    """

    def __init__(self, folder: str, run: Run) -> None:
        filesystem, path = resolve(f"{folder}/{run.name}")
        self.run = run
        try:
            self._file: pa.NativeFile = filesystem.open_input_file(path)
        except FileNotFoundError as error:
            raise DamagedRunError(run.name) from error

    def hashes(self, number: int) -> Hashes:
        """Read the hashes of a chunk."""
        chunk = self.run.chunks[number]
        start = number * CHUNK * ENTRY_BYTES
        return self._read(start, np.dtype("<u8"), chunk.entries, chunk.hash_sum)

    def days(self, number: int) -> Days:
        """Read the days of a chunk."""
        chunk = self.run.chunks[number]
        start = number * CHUNK * ENTRY_BYTES + chunk.entries * HASH_BYTES
        return self._read(start, np.dtype("<i4"), chunk.entries, chunk.day_sum)

    def _read(self, start: int, kind: np.dtype, entries: int, expected: int) -> npt.NDArray:  # type: ignore[type-arg]
        content = self._file.read_at(entries * kind.itemsize, start)
        if len(content) == entries * kind.itemsize:
            values = np.frombuffer(content, kind)
            if sum_of(values) == expected:
                return values
        raise DamagedRunError(self.run.name)


class RunWriter(AbstractContextManager["RunWriter"]):
    """Writes sorted entries as runs of at most `CAP` entries.

    An entry that equals the one before is left out.
    """

    def __init__(self, folder: str) -> None:
        self.runs: list[Run] = []
        self._folder = folder
        self._waiting: list[tuple[Hashes, Days]] = []
        self._file: BinaryIO | None = None
        self._begin()

    def append(self, hashes: Hashes, days: Days) -> None:
        """Add entries, none with a smaller hash than an earlier one."""
        self._waiting.append((hashes, days))
        if sum(len(own) for own, _ in self._waiting) >= CHUNK:
            self._write_chunks(least=CHUNK)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._write_chunks(least=1)
            self._finish()
        if self._file is not None:
            self._file.close()

    def _write_chunks(self, *, least: int) -> None:
        """Write full chunks of what waits, or with `least=1` all of it."""
        if not self._waiting:
            return
        hashes = np.concatenate([own for own, _ in self._waiting])
        days = np.concatenate([own for _, own in self._waiting])
        start = 0
        while len(hashes) - start >= least:
            end = start + CHUNK
            self._write(hashes[start:end], days[start:end])
            start = min(end, len(hashes))
        self._waiting = [(hashes[start:], days[start:])]

    def _write(self, hashes: Hashes, days: Days) -> None:
        assert self._file is not None
        for content in (hashes.astype("<u8").tobytes(), days.astype("<i4").tobytes()):
            self._file.write(content)
            self._digest.update(content)
        chunk = Chunk(int(hashes[0]), int(hashes[-1]), len(hashes), sum_of(hashes), sum_of(days))
        self._chunks.append(chunk)
        if len(hashes) == CHUNK:
            self._fences.append(fences_of(hashes, days))
        if len(self._chunks) * CHUNK >= CAP:
            self._finish()
            self._begin()

    def _begin(self) -> None:
        self._chunks: list[Chunk] = []
        self._fences: list[Fences] = []
        self._digest = hashlib.sha256()
        # Its name is known when the last byte is.
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- closed in `_finish` or `__exit__`

    def _finish(self) -> None:
        assert self._file is not None
        if self._chunks:
            fences = join_fences(self._fences)
            self._file.write(fences.tobytes())
            self._digest.update(fences.tobytes())
            name = f"run-{self._digest.hexdigest()[:DIGITS]}.ids"
            run = Run(name, tuple(self._chunks), sum_of(fences))
            self._file.seek(0)
            _publish(f"{self._folder}/{run.name}", iter(self._blocks, b""))
            self.runs.append(run)
        self._file.close()
        self._file = None

    def _blocks(self) -> bytes:
        assert self._file is not None
        return self._file.read(BLOCK_BYTES)


def sort_entries(hashes: Hashes, days: Days) -> tuple[Hashes, Days]:
    """Sort entries by hash and day, and leave repeated ones out."""
    order = np.argsort(hashes)
    hashes, days = hashes[order], days[order]
    # Few hashes occur twice, and sorting by two keys takes five times as long.
    before = np.flatnonzero(hashes[1:] == hashes[:-1])
    shared = np.union1d(before, before + 1)
    days[shared] = days[shared][np.lexsort((days[shared], hashes[shared]))]
    kept = np.ones(len(hashes), np.bool_)
    kept[1:] = (hashes[1:] != hashes[:-1]) | (days[1:] != days[:-1])
    return (hashes, days) if kept.all() else (hashes[kept], days[kept])


def _publish(address: str, blocks: Iterator[bytes]) -> None:
    """Write a file block by block; nobody sees it before it is whole."""
    filesystem, path = resolve(address)
    is_local = isinstance(filesystem, fs.LocalFileSystem)
    target = f"{path}.{uuid.uuid4().hex}.partial" if is_local else path
    if is_local:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    with filesystem.open_output_stream(target) as stream:
        for block in blocks:
            stream.write(block)
    if is_local:
        Path(target).replace(path)
