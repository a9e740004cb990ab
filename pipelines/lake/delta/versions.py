"""A version of a Delta table as it was opened: its columns and its parts.

A version never changes, so what was read of it once is kept. Opening reads the log since the last
checkpoint, 15 ms at 2,000 parts; a step asks for the same version dozens of times.
"""

from collections.abc import Iterator
from functools import cached_property

import pyarrow as pa
from deltalake import DeltaTable

from expectations.contract import EVENT_DAY, KNOWN_TIME
from feature_jobs.io import DataFile


class OpenedVersion:
    """The columns of an opened version, and its parts by day and name; read when asked for."""

    def __init__(self, delta: DeltaTable) -> None:
        self._delta = delta

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns."""
        return pa.schema(self._delta.schema().to_arrow())

    @cached_property
    def parts(self) -> tuple[DataFile, ...]:
        """The parts."""
        return tuple(sorted(_parts(self._delta), key=lambda part: part.path))


def _parts(delta: DeltaTable) -> Iterator[DataFile]:
    actions = pa.table(delta.get_add_actions(flatten=True))
    wanted = ["path", f"partition.{EVENT_DAY}", "num_records", "size_bytes"]
    wanted += [f"min.{KNOWN_TIME}", f"max.{KNOWN_TIME}"]
    # Columns without statistics are not listed; converting the others of a wide table takes time.
    nothing = [None] * actions.num_rows
    columns = [
        actions[name].to_pylist() if name in actions.column_names else nothing for name in wanted
    ]
    for path, day, rows, size, known_from, known_until in zip(*columns, strict=True):
        yield DataFile(path, day or "", rows, size, known_from, known_until)
