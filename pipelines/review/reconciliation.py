"""Reconciliation of aliases with the decision log.

Anyone with access to MLflow can move an alias, and the event of it may come twice, late or never.
So the log is authoritative: `approved` on a version that may be approved becomes an approval in the
log; every other difference is reverted, and the reversal is recorded.
"""

import logging

from expectations.contract import ProblemsError
from pipelines.config import ModelSpec, ModelVersion, load_registered
from pipelines.config.installation import os_actor
from pipelines.governance import Decision, DecisionLog, draft_decision, open_decisions
from pipelines.review.requests import find_requests, mover_of
from pipelines.review.review import record_approval, record_rejection
from pipelines.tracking import (
    APPROVED,
    CHALLENGER,
    CHAMPION,
    Registry,
    Version,
    open_registry,
)

log = logging.getLogger(__name__)


def reconcile_aliases(reference: str) -> ModelVersion | None:
    """Reconcile a spec's aliases with its decisions; return the approved version or `nothing`."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    decision_log = open_decisions(spec, registry).load()
    if not decision_log.records and not registry.aliases():
        log.info("No version of %s is registered yet", spec.name)
        return None
    decision_log = _take_up_rejections(spec, registry, decision_log)
    decision_log = _take_up_approval(spec, registry, decision_log)
    for alias, wanted in (
        (APPROVED, None if decision_log.approval is None else decision_log.approval.version),
        (CHALLENGER, decision_log.challenger),
        (CHAMPION, decision_log.champion),
    ):
        _put_back(spec, registry, alias, wanted, reason="no decision moved it")
    approval = decision_log.approval
    if approval is None:
        log.info("No version of %s is approved", spec.name)
        return None
    version = registry.get(str(approval.version))
    serves = " and serves" if decision_log.champion == version.number else ""
    log.info("%s was approved by %s%s", version, approval.actor, serves)
    return version.reference


def find_approved(reference: str) -> ModelVersion | None:
    """Return the version that the alias `approved` points at; None when there is none."""
    spec = load_registered(reference)
    number = open_registry(spec).aliases().get(APPROVED)
    return None if number is None else ModelVersion(spec.name, number)


def find_serving(reference: str) -> ModelVersion | None:
    """Return the version that serves according to the decision log; None when none does."""
    spec = load_registered(reference)
    number = open_decisions(spec, open_registry(spec)).load().champion
    return None if number is None else ModelVersion(spec.name, number)


def _take_up_rejections(
    spec: ModelSpec, registry: Registry, decision_log: DecisionLog
) -> DecisionLog:
    """Record the rejections that reviewers requested."""
    for number, request in find_requests(registry).items():
        version = registry.find(str(number))
        if request.choice != "reject" or version is None or number == decision_log.champion:
            continue
        if decision_log.registration(number) and not decision_log.last("rejection", version=number):
            record_rejection(spec, registry, version, actor=request.by, reason=request.because)
            log.info("Rejected %s, as %s asked: %s", version, request.by, request.because)
    return open_decisions(spec, registry).load()


def _take_up_approval(
    spec: ModelSpec, registry: Registry, decision_log: DecisionLog
) -> DecisionLog:
    """Record an alias `approved` set in MLflow as an approval, or revert it with the reasons."""
    version = registry.find(APPROVED)
    current = decision_log.approval
    if version is None or (current is not None and current.version == version.number):
        return decision_log
    actor, request = mover_of(registry, version), find_requests(registry).get(version.number)
    reason, override = "alias set in the registry", ""
    if request is not None and request.choice == "approve":
        reason, override = request.because, request.override
    try:
        decision_log = record_approval(
            spec, registry, version, actor=actor, reason=reason, override=override
        )
    except ProblemsError as error:
        reason = "; ".join(error.problems)
        log.warning("The alias approved on %s does not count: %s", version, reason)
        wanted = None if current is None else current.version
        return _put_back(spec, registry, APPROVED, wanted, reason=reason)
    log.info("Approved %s: alias set in the registry by %s", version, actor)
    return decision_log


def _put_back(
    spec: ModelSpec, registry: Registry, alias: str, wanted: int | None, *, reason: str
) -> DecisionLog:
    """Point an alias at the version that the log names, and record that; else do nothing."""
    decisions = open_decisions(spec, registry)
    found = registry.find(alias)
    if (None if found is None else found.number) == wanted:
        return decisions.load()
    target = None if wanted is None else registry.find(str(wanted))
    concerned = found or target
    if concerned is None:
        return decisions.load()

    def restore(decision_log: DecisionLog) -> Decision:
        was = "taken away" if found is None else f"on version {found.number}"
        now = "taken away" if target is None else f"on version {target.number}"
        return draft_decision(
            spec, registry, concerned, decision_log, kind="restoration", actor=os_actor(),
            reason=f"alias {alias} was {was} and is {now} again: {reason}",
        )  # fmt: skip

    _move(registry, alias, target)
    log.warning("The alias %s is put back to %s: %s", alias, target or "nothing", reason)
    return decisions.record(restore)


def _move(registry: Registry, alias: str, target: Version | None) -> None:
    if target is None:
        registry.remove_alias(alias)
    else:
        registry.set_alias(alias, target)
