from .decision_log import ACCEPTED, LATER, Decision, DecisionLog, Kind, author_of, describe
from .digests import draft_decision, find_damage, find_digests, open_decisions
from .restatement import restate_delivery
from .rules import (
    approval_refusals,
    changes_since,
    deployment_refusals,
    require_reason,
    shadow_refusals,
)

__all__ = [
    "ACCEPTED",
    "LATER",
    "Decision",
    "DecisionLog",
    "Kind",
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
    "restate_delivery",
    "shadow_refusals",
]
