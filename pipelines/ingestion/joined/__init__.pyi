from .joined_tables import JoinedTables
from .rebuild import repair_joined

__all__ = [
    "JoinedTables",
    "repair_joined",
]
