from .commits import add_fields, add_parts_first, replace_parts, replace_table
from .opening import (
    ChangedSinceError,
    committing_first,
    create_table,
    find_table,
    lost_entry,
    open_table,
    read_notes,
)
from .versions import OpenedVersion

__all__ = [
    "ChangedSinceError",
    "OpenedVersion",
    "add_fields",
    "add_parts_first",
    "committing_first",
    "create_table",
    "find_table",
    "lost_entry",
    "open_table",
    "read_notes",
    "replace_parts",
    "replace_table",
]
