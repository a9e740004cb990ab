"""A reviewer's answer in Airflow, by the same rules and into the same decision log."""

import logging

from pipelines.config import ModelVersion, load_registered
from pipelines.config.installation import UNKNOWN, Actor
from pipelines.governance import open_decisions, require_reason
from pipelines.review.review import record_approval, record_rejection
from pipelines.tracking import APPROVED, open_registry

log = logging.getLogger(__name__)


def find_undecided(reference: str) -> ModelVersion | None:
    """Return the challenger that is not decided about yet; empty when there is none."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    decision_log = open_decisions(spec, registry).load()
    number = decision_log.challenger
    if number is None or decision_log.last("approval", "override", version=number):
        log.info("No candidate of %s waits for a decision", spec.name)
        return None
    return registry.get(str(number)).reference


def answer_question(
    reference: str, wanted: str, *, choice: str, because: str, by: str
) -> ModelVersion:
    """Record a reviewer's answer about a version: approve, reject or later."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    version = registry.get(wanted)
    if choice not in {"approve", "reject"}:
        log.info("Nothing is decided about %s; it waits in the registry", version)
        return version.reference
    require_reason(because)
    actor = Actor(by or UNKNOWN, "Airflow")
    if choice == "approve":
        record_approval(spec, registry, version, actor=actor, reason=because)
        registry.set_alias(APPROVED, version)
    else:
        record_rejection(spec, registry, version, actor=actor, reason=because)
    log.info("%s: %s says %s: %s", version, actor, choice, because)
    return version.reference
