"""Files and object stores."""

from feature_jobs.io.data_files import DataFile, encode_features, write_data_file
from feature_jobs.io.naming import hash_bytes, hash_in_name, name_part
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
    "DataFile",
    "encode_features",
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
    "write_data_file",
]
