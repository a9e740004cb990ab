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
from .source_commits import commits_since
from .source_entries import (
    GapError,
    TableCommit,
    TablePart,
    UnreadableTableError,
    entry_digest,
)
from .source_table import TableState, is_delta_table, open_state, whole_commit
from .versions import OpenedVersion

__all__ = [
    "ChangedSinceError",
    "GapError",
    "OpenedVersion",
    "TableCommit",
    "TablePart",
    "TableState",
    "UnreadableTableError",
    "add_fields",
    "add_parts_first",
    "commits_since",
    "committing_first",
    "create_table",
    "entry_digest",
    "find_table",
    "is_delta_table",
    "lost_entry",
    "open_state",
    "open_table",
    "read_notes",
    "replace_parts",
    "replace_table",
    "whole_commit",
]
