"""Files by address: a path or an object store's URL, read and written alike.

Spark's workers read and write parts themselves, so no Hadoop jar for an object store is needed:
pyarrow speaks them, and takes credentials and endpoint where every AWS program does.
"""

import uuid
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

# A small object is then one request, and a killed writer leaves no upload behind.
_S3_OPTIONS = "?allow_delayed_open=true"


def resolve(address: str) -> tuple[fs.FileSystem, str]:
    """Return the file system of an address, and the path in it."""
    # Not parsed as a URL: a key may hold any sign, `#` and `?` among them.
    scheme, separator, path = address.partition("://")
    if not separator or len(scheme) < 2:  # noqa: PLR2004 -- one letter is a drive
        return _local(), address
    return _remote(scheme, path.partition("/")[0]), path


def read_schema(address: str) -> pa.Schema:
    """Read the schema of a Parquet file."""
    filesystem, path = resolve(address)
    with filesystem.open_input_file(path) as file:
        return pq.read_schema(file)


def read_columns(address: str, columns: Sequence[str]) -> pa.Table:
    """Read columns of a Parquet file."""
    filesystem, path = resolve(address)
    with filesystem.open_input_file(path) as file:
        return pq.ParquetFile(file, pre_buffer=True).read(columns=list(columns))


def read_present(address: str, schema: pa.Schema) -> pa.Table:
    """Read columns of a Parquet file in a schema's order; missing ones are null."""
    filesystem, path = resolve(address)
    with filesystem.open_input_file(path) as file:
        parquet = pq.ParquetFile(file, pre_buffer=True)
        held = set(parquet.schema_arrow.names)
        rows = parquet.read(columns=[name for name in schema.names if name in held])
    columns = [
        rows[field.name].cast(field.type)
        if field.name in held
        else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def read_bytes(address: str) -> bytes:
    """Read a whole file.

    Raises:
        FileNotFoundError: when there is none.
    """
    filesystem, path = resolve(address)
    with filesystem.open_input_stream(path) as stream:
        return bytes(stream.read())


def read_buffer(address: str) -> pa.Buffer:
    """Read a whole file into Arrow's own memory.

    Threads of Arrow may give it back when Python has begun to end. Of a Python object they could
    not: the process would be aborted.

    Raises:
        FileNotFoundError: when there is none.
    """
    filesystem, path = resolve(address)
    with filesystem.open_input_file(path) as file:
        return file.read_buffer()


def replace(address: str, content: bytes) -> None:
    """Write a file; one that exists is replaced."""
    filesystem, path = resolve(address)
    if isinstance(filesystem, fs.LocalFileSystem):
        _write_aside(Path(path), content)
        return
    with filesystem.open_output_stream(path) as stream:  # nobody sees it before it is closed
        stream.write(content)


def publish(address: str, content: bytes) -> None:
    """Write a file named by its content, unless it exists with just these bytes.

    One with other bytes was damaged since, and is written over.
    """
    filesystem, path = resolve(address)
    found = filesystem.get_file_info(path)
    if found.is_file and found.size == len(content) and read_bytes(address) == content:
        return
    replace(address, content)


def remove(address: str) -> None:
    """Remove a file, if there is one."""
    filesystem, path = resolve(address)
    if filesystem.get_file_info(path).is_file:
        filesystem.delete_file(path)


def remove_folder(address: str) -> None:
    """Remove a folder and all that is in it, if there is one."""
    filesystem, path = resolve(address)
    if filesystem.get_file_info(path).type == fs.FileType.Directory:
        filesystem.delete_dir(path)


def _write_aside(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(f".{uuid.uuid4().hex}.partial")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)  # the disk may be full
        raise


@cache
def _local() -> fs.FileSystem:
    return fs.LocalFileSystem()


@cache
def _remote(scheme: str, place: str) -> fs.FileSystem:
    """Open one client for each bucket and process; opening asks for the bucket's region."""
    options = _S3_OPTIONS if scheme == "s3" else ""
    filesystem, _ = fs.FileSystem.from_uri(f"{scheme}://{place}/{options}")
    return filesystem
