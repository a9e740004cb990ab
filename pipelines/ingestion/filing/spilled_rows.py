"""Rows of many days in one Arrow file: each day has record batches of its own, read by number."""

import contextlib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import fs, ipc

from feature_jobs.io import resolve

_OPTIONS = ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True, slots=True)
class SpilledRows:
    """The record batches `[first, end)` of a file."""

    address: str
    first: int
    end: int

    def load(self) -> pa.Table:
        """Read the rows."""
        filesystem, path = resolve(self.address)
        with filesystem.open_input_file(path) as source:
            file = ipc.open_file(source)
            batches = [file.get_batch(number) for number in range(self.first, self.end)]
            return pa.Table.from_batches(batches, schema=file.schema)


def spill_rows(address: str, days: Iterable[tuple[str, pa.Table]]) -> dict[str, SpilledRows]:
    """Write the rows of each day to one file; return where each day's are.

    Args:
        address: a path or the URL of an object; one that exists is replaced.
        days: each once; their rows may lack columns of others.
    """
    tables = list(days)
    schema = pa.unify_schemas([rows.schema for _, rows in tables], promote_options="default")
    spilled, number = {}, 0
    with _written_whole(address) as stream, ipc.new_file(stream, schema, options=_OPTIONS) as file:
        for day, rows in tables:
            alike = rows
            if rows.schema != schema:
                alike = pa.concat_tables([schema.empty_table(), rows], promote_options="default")
            batches = alike.combine_chunks().to_batches()
            for batch in batches:
                file.write_batch(batch)
            spilled[day] = SpilledRows(address, number, number + len(batches))
            number += len(batches)
    return spilled


@contextlib.contextmanager
def _written_whole(address: str) -> Iterator[pa.NativeFile]:
    """Open a file to write that nobody sees before it is closed."""
    filesystem, path = resolve(address)
    is_local = isinstance(filesystem, fs.LocalFileSystem)
    target = f"{path}.{uuid.uuid4().hex}.partial" if is_local else path
    if is_local:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    with filesystem.open_output_stream(target) as stream:
        yield stream
    if is_local:
        Path(target).replace(path)
