"""Reads parts whole and compares the hash of each with its name first.

A part has one day's rows, so reading all of it for a few columns costs little beside the other work
of a step: SHA-256 runs at more than 1 GB/s on each core, Parquet is decoded at less than that.
"""

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs

from feature_jobs.io import (
    DataFile,
    hash_bytes,
    hash_in_name,
    read_buffer,
    remove,
    replace,
    resolve,
)
from pipelines.lake.damage import Damage, DamagedError, describe_damage
from pipelines.lake.log_entries import find_holders

# An object store has a high latency, and answers many requests in parallel.
AT_ONCE = 8
NOTES = ".damage"  # of parts in which a reader found damage


def load_part(folder: str, part: DataFile) -> pa.Buffer | Damage:
    """Return the bytes of a part, or its damage when they are not what was written."""
    expected = hash_in_name(part.path) or "no hash"
    try:
        content = read_buffer(f"{folder}/{part.path}")
    except FileNotFoundError:
        return Damage(part.path, part.day, expected, None)
    found = hash_bytes(memoryview(content))
    return content if found == expected else Damage(part.path, part.day, expected, found)


def find_damage(folder: str, parts: Sequence[DataFile]) -> Iterator[Damage | None]:
    """Yield the damage of each part, in order; None for an undamaged one."""

    def judge(part: DataFile) -> Damage | None:
        loaded = load_part(folder, part)
        return loaded if isinstance(loaded, Damage) else None

    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield from threads.map(judge, parts)


def find_lost(folder: str, parts: Sequence[DataFile]) -> list[Damage]:
    """Find parts that are missing, of another size or noted by a reader, by one listing.

    A part that was changed and kept its size is found by whoever reads it, and noted for this.
    """
    filesystem, root = resolve(folder)
    listed = filesystem.get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True))
    sizes = {each.path.removeprefix(f"{root}/"): each.size for each in listed if each.is_file}
    suspected = [
        part
        for part in parts
        if sizes.get(part.path) != part.size_bytes or _note_of(part.path) in sizes
    ]
    found = dict(zip(suspected, find_damage(folder, suspected), strict=True))
    for part, damage in found.items():
        if damage is None and _note_of(part.path) in sizes:
            remove(f"{folder}/{_note_of(part.path)}")  # it was written again
    return [damage for damage in found.values() if damage is not None]


def note_damage(folder: str, damages: Sequence[Damage]) -> None:
    """Note damaged parts for `find_lost`, where this process may write."""
    for damage in damages:
        with contextlib.suppress(OSError):
            replace(f"{folder}/{_note_of(damage.path)}", str(damage).encode())


def _note_of(path: str) -> str:
    return f"{NOTES}/{path.rpartition('/')[2]}"


def read_parts(
    folder: str,
    parts: Sequence[DataFile],
    *,
    schema: pa.Schema,
    columns: Sequence[str] | None,
    where: pc.Expression | None,
) -> list[pa.Table]:
    """Read the rows of each part, in order.

    Args:
        folder: of the table.
        parts: of a version.
        schema: its columns, which a part may lack.
        columns: to return; None: all.
        where: condition on the rows; None: all.

    Raises:
        DamagedError: naming every part that is missing or was changed.
    """
    form = ds.ParquetFileFormat()
    named = None if columns is None else list(columns)

    def read(part: DataFile) -> pa.Table | Damage:
        content = load_part(folder, part)
        if isinstance(content, Damage):
            return content
        fragment = form.make_fragment(pa.BufferReader(content))
        rows = ds.FileSystemDataset([fragment], schema, form)
        return rows.to_table(columns=named, filter=where)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        found = list(threads.map(read, parts))
    refuse(folder, [each for each in found if isinstance(each, Damage)])
    return [each for each in found if isinstance(each, pa.Table)]


def read_part(folder: str, part: DataFile, *, columns: Sequence[str]) -> pa.Table:
    """Read columns of one part.

    Raises:
        DamagedError: when it is missing or was changed.
    """
    content = load_part(folder, part)
    if isinstance(content, Damage):
        raise _refusal(folder, [content])
    return decode_part(content, columns)


def refuse(folder: str, damages: Sequence[Damage]) -> None:
    """Raise one error for all damages, with the versions of the parts; none without damage."""
    if damages:
        raise _refusal(folder, damages)


def _refusal(folder: str, damages: Sequence[Damage]) -> DamagedError:
    note_damage(folder, damages)
    return describe_damage(folder, damages, find_holders(folder))


def decode_part(content: pa.Buffer, columns: Sequence[str]) -> pa.Table:
    """Decode columns from the bytes of a part."""
    return pq.ParquetFile(pa.BufferReader(content)).read(columns=list(columns))
