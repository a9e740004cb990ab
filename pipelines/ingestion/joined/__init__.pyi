from .filed_rows import FiledRows
from .joined_tables import JoinedTables
from .rebuild import repair_joined

__all__ = [
    "FiledRows",
    "JoinedTables",
    "repair_joined",
]
