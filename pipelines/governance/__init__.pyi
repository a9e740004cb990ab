from .decision_log import ACCEPTED, AUTHOR, LATER, Decision, Kind, Ledger, author_of, describe
from .digests import draft_decision, find_damage, find_digests, open_decisions
from .rules import (
    NOTHING,
    approval_refusals,
    changes_since,
    deployment_refusals,
    require_reason,
    shadow_refusals,
)

__all__ = [
    "ACCEPTED",
    "AUTHOR",
    "LATER",
    "NOTHING",
    "Decision",
    "Kind",
    "Ledger",
    "approval_refusals",
    "author_of",
    "changes_since",
    "deployment_refusals",
    "describe",
    "draft_decision",
    "find_damage",
    "find_digests",
    "open_decisions",
    "require_reason",
    "shadow_refusals",
]
