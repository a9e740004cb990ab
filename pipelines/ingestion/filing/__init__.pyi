from .day_rows import DayRows, held_bytes, scratch_folder
from .filing import LABELS, TRANSACTIONS, Filed, file_delivery
from .labels import REPORT_RULES, WITHOUT_TRANSACTION, match_ids
from .merge import DELIVERY_COLUMNS, FILE, ROW, VERSION_COLUMNS, state_times
from .versions import ARRIVAL, are_equal, newest_of_chains

__all__ = [
    "ARRIVAL",
    "DELIVERY_COLUMNS",
    "FILE",
    "LABELS",
    "REPORT_RULES",
    "ROW",
    "TRANSACTIONS",
    "VERSION_COLUMNS",
    "WITHOUT_TRANSACTION",
    "DayRows",
    "Filed",
    "are_equal",
    "file_delivery",
    "held_bytes",
    "match_ids",
    "newest_of_chains",
    "scratch_folder",
    "state_times",
]
