"""A reviewer's answer in Airflow: the same chain and the same refusals as everywhere."""

import logging

from pipelines.config import load_registered
from pipelines.config.installation import UNKNOWN, Actor
from pipelines.governance import open_decisions, require_reason
from pipelines.review.review import record_approval, record_rejection
from pipelines.tracking import APPROVED, open_registry

log = logging.getLogger(__name__)


def find_undecided(reference: str) -> str:
    """See `steps.candidate`."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    chain = open_decisions(spec, registry).load()
    number = chain.challenger
    if number is None or chain.last("approval", "override", version=number):
        log.info("No candidate of %s waits for a decision", spec.name)
        return ""
    return str(registry.get(str(number)))


def answer_question(reference: str, wanted: str, *, choice: str, because: str, by: str) -> str:
    """See `steps.answer`."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    version = registry.get(wanted)
    if choice not in {"approve", "reject"}:
        log.info("Nothing is decided about %s; it waits in the registry", version)
        return str(version)
    require_reason(because)
    actor = Actor(by or UNKNOWN, "Airflow")
    if choice == "approve":
        record_approval(spec, registry, version, actor=actor, reason=because)
        registry.set_alias(APPROVED, version)
    else:
        record_rejection(spec, registry, version, actor=actor, reason=because)
    log.info("%s: %s says %s: %s", version, actor, choice, because)
    return str(version)
