"""Compares aliases with the decision chain: what a reviewer may set counts, the rest goes back.

An alias is a name that anyone with access to MLflow can move, and an event that it moved may come
twice, late or never. So the chain is what counts: `approved` on a version that may be approved is
an approval and goes into the chain; every other difference is put back, and that is recorded.
"""

import logging

from expectations.contract import ProblemsError
from pipelines.config import ModelSpec, load_registered
from pipelines.config.installation import os_actor
from pipelines.governance import NOTHING, Decision, Ledger, draft_decision, open_decisions
from pipelines.review.requests import find_wishes, mover_of
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


def reconcile_aliases(reference: str) -> str:
    """See `steps.reconcile`."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    chain = open_decisions(spec, registry).load()
    if not chain.records and not registry.aliases():
        log.info("No version of %s is registered yet", spec.name)
        return NOTHING
    chain = _take_up_rejections(spec, registry, chain)
    chain = _take_up_approval(spec, registry, chain)
    for alias, wanted in (
        (APPROVED, None if chain.approval is None else chain.approval.version),
        (CHALLENGER, chain.challenger),
        (CHAMPION, chain.champion),
    ):
        _put_back(spec, registry, alias, wanted, reason="no decision moved it")
    approval = chain.approval
    if approval is None:
        log.info("No version of %s is approved", spec.name)
        return NOTHING
    version = registry.get(str(approval.version))
    serves = " and serves" if chain.champion == version.number else ""
    log.info("%s was approved by %s%s", version, approval.actor, serves)
    return str(version)


def find_approved(reference: str) -> str | None:
    """Return the version that the alias `approved` points at now; None when there is none."""
    spec = load_registered(reference)
    number = open_registry(spec).aliases().get(APPROVED)
    return None if number is None else f"models:/{spec.name}/{number}"


def find_serving(reference: str) -> str | None:
    """Return the version that serves, as the decision chain has it; None when none does."""
    spec = load_registered(reference)
    number = open_decisions(spec, open_registry(spec)).load().champion
    return None if number is None else f"models:/{spec.name}/{number}"


def _take_up_rejections(spec: ModelSpec, registry: Registry, chain: Ledger) -> Ledger:
    """Make decisions of what reviewers asked to be rejected."""
    for number, wish in find_wishes(registry).items():
        version = registry.find(str(number))
        if wish.choice != "reject" or version is None or number == chain.champion:
            continue
        if chain.registration(number) and not chain.last("rejection", version=number):
            record_rejection(spec, registry, version, actor=wish.by, reason=wish.because)
            log.info("Rejected %s, as %s asked: %s", version, wish.by, wish.because)
    return open_decisions(spec, registry).load()


def _take_up_approval(spec: ModelSpec, registry: Registry, chain: Ledger) -> Ledger:
    """Make an alias that a reviewer set in MLflow an approval, or put it back with the reasons."""
    version = registry.find(APPROVED)
    held = chain.approval
    if version is None or (held is not None and held.version == version.number):
        return chain
    actor, wish = mover_of(registry, version), find_wishes(registry).get(version.number)
    reason, override = "alias set in the registry", ""
    if wish is not None and wish.choice == "approve":
        reason, override = wish.because, wish.override
    try:
        chain = record_approval(
            spec, registry, version, actor=actor, reason=reason, override=override
        )
    except ProblemsError as error:
        reason = "; ".join(error.problems)
        log.warning("The alias approved on %s does not count: %s", version, reason)
        wanted = None if held is None else held.version
        return _put_back(spec, registry, APPROVED, wanted, reason=reason)
    log.info("Approved %s: alias set in the registry by %s", version, actor)
    return chain


def _put_back(
    spec: ModelSpec, registry: Registry, alias: str, wanted: int | None, *, reason: str
) -> Ledger:
    """Make an alias point where the chain says, and record it; does nothing when it does."""
    decisions = open_decisions(spec, registry)
    found = registry.find(alias)
    if (None if found is None else found.number) == wanted:
        return decisions.load()
    target = None if wanted is None else registry.find(str(wanted))
    concerned = found or target
    if concerned is None:
        return decisions.load()

    def restore(chain: Ledger) -> Decision:
        was = "taken away" if found is None else f"on version {found.number}"
        now = "taken away" if target is None else f"on version {target.number}"
        return draft_decision(
            spec, registry, concerned, chain, kind="restoration", actor=os_actor(),
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
