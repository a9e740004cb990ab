"""Files and object stores."""

from feature_jobs.io.naming import hash_bytes, hash_in_name, name_part
from feature_jobs.io.parts import WrittenPart, write_part
from feature_jobs.io.storage import (
    publish,
    read_buffer,
    read_bytes,
    read_columns,
    read_present,
    read_schema,
    remove,
    remove_folder,
    replace,
    resolve,
)

__all__ = [
    "WrittenPart",
    "hash_bytes",
    "hash_in_name",
    "name_part",
    "publish",
    "read_buffer",
    "read_bytes",
    "read_columns",
    "read_present",
    "read_schema",
    "remove",
    "remove_folder",
    "replace",
    "resolve",
    "write_part",
]
