"""Rows by event day, in memory up to a limit and on disk beyond it."""

import contextlib
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_DAY, TRANSACTION_ID
from feature_jobs.io import remove_folder
from pipelines.config.installation import load_settings
from pipelines.ingestion.filing.spilled_rows import SpilledRows, spill_rows
from pipelines.ingestion.index import DeliveredIds, days_since_1970
from pipelines.lake import split_days


class DayRows:
    """Rows that come in any order and are taken day by day.

    A context: its files are removed at the end.

    Args:
        scratch: path or address; in a folder of its own here goes what does not fit.
        limit: bytes of rows to hold in memory.
        name: of the folder; empty: one that no other has.
    """

    def __init__(self, scratch: Path | str, *, limit: int, name: str = "") -> None:
        self._folder, self._limit = f"{scratch}/{name or f'delivery-{uuid.uuid4().hex}'}", limit
        self._held: dict[str, list[pa.Table]] = {}
        self._counts: dict[str, int] = {}
        self._bytes = self._files = 0
        self.spilled: dict[str, list[SpilledRows]] = {}
        self.schema = pa.schema([])
        self.ids = DeliveredIds()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ids.close()
        with contextlib.suppress(OSError):
            remove_folder(self._folder)

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
            self.spill()

    def adopt(
        self,
        spilled: Mapping[str, Sequence[SpilledRows]],
        counts: Mapping[str, int],
        *,
        schema: pa.Schema,
    ) -> None:
        """Add rows by day that were put into files elsewhere; their ids are added apart."""
        if not self.schema.names:
            self.schema = schema
        for day, files in spilled.items():
            self.spilled.setdefault(day, []).extend(files)
            self._counts[day] = self._counts.get(day, 0) + counts[day]

    @property
    def counts(self) -> Mapping[str, int]:
        """Number of rows by day."""
        return self._counts

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
        tables = [each.load() for each in self.spilled.get(day, ())]
        tables += self._held.get(day, [])
        return pa.concat_tables(tables, promote_options="default") if tables else None

    def spill(self) -> None:
        """Put the rows that are in memory into a file."""
        if not self._held:
            return
        joined = (
            (day, pa.concat_tables(tables, promote_options="default"))
            for day, tables in sorted(self._held.items())
        )
        for day, own in spill_rows(f"{self._folder}/{self._files}.arrow", joined).items():
            self.spilled.setdefault(day, []).append(own)
        self._files += 1
        self._held, self._bytes = {}, 0


def _is_sorted(days: pa.ChunkedArray) -> bool:
    joined = days.combine_chunks()
    return not pc.any(pc.less(joined[1:], joined[:-1])).as_py()


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
