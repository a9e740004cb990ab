from .check import check_tables
from .damage import DamagedError
from .day_files import split_days, write_rows
from .declarations import JOINED, TABLES, Table, declaration_of, with_versions
from .delta import ChangedSinceError
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
    "Lake",
    "Table",
    "backtesting",
    "beginning",
    "check_tables",
    "declaration_of",
    "find_damage",
    "one_at_a_time",
    "parse_as_of",
    "repair_parts",
    "searching",
    "split_days",
    "vacuum_tables",
    "with_versions",
    "write_rows",
    "writing",
]
