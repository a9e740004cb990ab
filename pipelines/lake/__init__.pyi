from .check import check_tables
from .damage import DamagedError
from .day_files import split_days, write_rows
from .declarations import JOINED, TABLES, Table, declaration_of, with_versions
from .delta import (
    ChangedSinceError,
    GapError,
    TableCommit,
    TablePart,
    TableState,
    UnreadableTableError,
    commits_since,
    entry_digest,
    is_delta_table,
    open_state,
    whole_commit,
)
from .knowledge_time import parse_as_of
from .reading import find_damage
from .repair import repair_parts
from .tables import Lake
from .vacuum import vacuum_tables
from .write_lock import backtesting, beginning, one_at_a_time, searching, writing

__all__ = [
    "JOINED",
    "TABLES",
    "ChangedSinceError",
    "DamagedError",
    "GapError",
    "Lake",
    "Table",
    "TableCommit",
    "TablePart",
    "TableState",
    "UnreadableTableError",
    "backtesting",
    "beginning",
    "check_tables",
    "commits_since",
    "declaration_of",
    "entry_digest",
    "find_damage",
    "is_delta_table",
    "one_at_a_time",
    "open_state",
    "parse_as_of",
    "repair_parts",
    "searching",
    "split_days",
    "vacuum_tables",
    "whole_commit",
    "with_versions",
    "write_rows",
    "writing",
]
