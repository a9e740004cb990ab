from .dialect import DIRECTIVES, Dialect, Mark, expand_time_format
from .joined_checks import joined_problems

__all__ = [
    "DIRECTIVES",
    "Dialect",
    "Mark",
    "expand_time_format",
    "joined_problems",
]
