from .joined_tables import JoinedTables

__all__ = [
    "JoinedTables",
]
