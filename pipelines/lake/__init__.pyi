from .check import check_tables
from .damage import DamagedError
from .data_files import Part, split_days
from .reading import find_damage
from .repair import repair_parts
from .snapshot import Snapshot, parse_as_of
from .tables import ChangedSinceError, Lake, TableVersion
from .vacuum import sweep
from .write_lock import backtesting, beginning, one_at_a_time, searching, writing

__all__ = [
    "ChangedSinceError",
    "DamagedError",
    "Lake",
    "Part",
    "Snapshot",
    "TableVersion",
    "backtesting",
    "beginning",
    "check_tables",
    "find_damage",
    "one_at_a_time",
    "parse_as_of",
    "repair_parts",
    "searching",
    "split_days",
    "sweep",
    "writing",
]
