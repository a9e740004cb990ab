"""The expectations that a spec may declare."""

from expectations.allowed.arguments import match_condition
from expectations.allowed.catalogue import argument_problems

__all__ = [
    "argument_problems",
    "match_condition",
]
