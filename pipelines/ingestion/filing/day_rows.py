"""Rows by event day, in memory up to a limit and on disk beyond it."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

from expectations.contract import EVENT_DAY, TRANSACTION_ID
from pipelines.config.installation import load_settings
from pipelines.ingestion.index import DeliveredIds, days_since_1970
from pipelines.lake import split_days

_OPTIONS = ipc.IpcWriteOptions(compression="lz4")


class DayRows:
    """Rows that come in any order and are taken day by day.

    A context: its files are removed at the end.

    Args:
        scratch: in a folder of its own here goes what does not fit.
        limit: bytes of rows to hold in memory.
    """

    def __init__(self, scratch: Path, *, limit: int) -> None:
        self._folder, self._limit = scratch / f"delivery-{uuid.uuid4().hex}", limit
        self._held: dict[str, list[pa.Table]] = {}
        self._spilled: dict[str, list[Path]] = {}
        self._counts: dict[str, int] = {}
        self._bytes = 0
        self.schema = pa.schema([])
        self.ids = DeliveredIds()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ids.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, rows: pa.Table) -> None:
        """Add rows with an event day."""
        if not self.schema.names:
            self.schema = rows.schema
        if rows.num_rows == 0:
            return
        days = rows[EVENT_DAY]
        if TRANSACTION_ID in rows.column_names:
            self.ids.add(rows[TRANSACTION_ID], days_since_1970(days))
        if len(pc.unique(days)) > 1:
            rows = rows.take(pc.sort_indices(days)) if not _is_sorted(days) else rows
        for day, own in split_days(rows):
            self._held.setdefault(day, []).append(own)
            self._counts[day] = self._counts.get(day, 0) + own.num_rows
        self._bytes += rows.nbytes
        if self._bytes > self._limit:
            self._spill()

    @property
    def days(self) -> list[str]:
        """Days with rows, in order."""
        return sorted(self._counts)

    @property
    def num_rows(self) -> int:
        """Number of all rows."""
        return sum(self._counts.values())

    def read(self, day: str) -> pa.Table | None:
        """Return the rows of a day in the order in which they came; None if there are none."""
        tables = [table for path in self._spilled.get(day, ()) for table in _load(path)]
        tables += self._held.get(day, [])
        return pa.concat_tables(tables, promote_options="default") if tables else None

    def forget(self, day: str) -> None:
        """Release the rows of a day."""
        self._held.pop(day, None)
        for path in self._spilled.pop(day, ()):
            path.unlink()

    def _spill(self) -> None:
        for day, tables in self._held.items():
            paths = self._spilled.setdefault(day, [])
            path = self._folder / f"{day}-{len(paths)}.arrow"
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = pa.concat_tables(tables, promote_options="default")
            with ipc.new_file(path, rows.schema, options=_OPTIONS) as file:
                file.write_table(rows)
            paths.append(path)
        self._held, self._bytes = {}, 0


def _is_sorted(days: pa.ChunkedArray) -> bool:
    joined = days.combine_chunks()
    return not pc.any(pc.less(joined[1:], joined[:-1])).as_py()


def _load(path: Path) -> Iterator[pa.Table]:
    with pa.OSFile(str(path)) as source:
        yield ipc.open_file(source).read_all()


def scratch_folder() -> Path:
    """Return the folder for temporary files of this machine; it exists."""
    folder = load_settings().scratch
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def held_bytes() -> int:
    """Return how many bytes of rows a delivery holds in memory before it puts them on disk.

    A quarter of what a step may hold: batches that are read, merged and written come on top.
    """
    return load_settings().memory // 4
