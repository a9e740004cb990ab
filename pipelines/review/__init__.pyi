from .answers import answer_question, find_undecided
from .reconciliation import find_approved, find_serving, reconcile_aliases
from .registration import register_challenger
from .review import approve_version, describe_decisions, describe_version, reject_version

__all__ = [
    "answer_question",
    "approve_version",
    "describe_decisions",
    "describe_version",
    "find_approved",
    "find_serving",
    "find_undecided",
    "reconcile_aliases",
    "register_challenger",
    "reject_version",
]
