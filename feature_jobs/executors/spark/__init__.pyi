from .items import map_items
from .java import find_java
from .request import Answer, Build, Request, fulfil
from .session import UNPACKED, Session, join_session, open_session
from .submitted import ENTRY

__all__ = [
    "ENTRY",
    "UNPACKED",
    "Answer",
    "Build",
    "Request",
    "Session",
    "find_java",
    "fulfil",
    "join_session",
    "map_items",
    "open_session",
]
