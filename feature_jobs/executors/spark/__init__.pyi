from .java import find_java
from .request import Answer, Build, Request, fulfil
from .session import UNPACKED, open_session
from .submitted import ENTRY

__all__ = [
    "ENTRY",
    "UNPACKED",
    "Answer",
    "Build",
    "Request",
    "find_java",
    "fulfil",
    "open_session",
]
