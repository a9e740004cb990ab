from .day_rows import DayRows, held_bytes, scratch_folder
from .filing import LABELS, TRANSACTIONS, Filed, file_delivery
from .labels import REPORT_RULES, WITHOUT_TRANSACTION, match_ids
from .merge import DELIVERY_COLUMNS, FILE, ROW, VERSION_COLUMNS, state_times
from .versions import ARRIVAL, WITHDRAWN, are_equal

__all__ = [
    "ARRIVAL",
    "DELIVERY_COLUMNS",
    "FILE",
    "LABELS",
    "REPORT_RULES",
    "ROW",
    "TRANSACTIONS",
    "VERSION_COLUMNS",
    "WITHDRAWN",
    "WITHOUT_TRANSACTION",
    "DayRows",
    "Filed",
    "are_equal",
    "file_delivery",
    "held_bytes",
    "match_ids",
    "scratch_folder",
    "state_times",
]
