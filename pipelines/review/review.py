"""A reviewer's decision about a candidate: describe it, approve it, reject it."""

import logging
from dataclasses import replace

from expectations.contract import InputError, refuse_any
from pipelines.config import ModelSpec, approval_rules, load_registered, one_line
from pipelines.config.installation import Actor, load_settings, os_actor, signed_in_as
from pipelines.governance import (
    ACCEPTED,
    Decision,
    Ledger,
    approval_refusals,
    author_of,
    describe,
    draft_decision,
    find_damage,
    open_decisions,
    require_reason,
)
from pipelines.review.report import describe_headline
from pipelines.review.requests import leave_wish
from pipelines.tracking import (
    APPROVED,
    CHALLENGER,
    CHAMPION,
    STATE,
    Registry,
    Version,
    open_registry,
)

log = logging.getLogger(__name__)


def describe_version(reference: str, wanted: str) -> str:
    """See `steps.review`."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    version = registry.get(wanted)
    metrics, params = registry.runs.metrics(version.run), registry.runs.params(version.run)
    champion = registry.find(CHAMPION)
    is_champion = champion is not None and champion.number == version.number
    against = {} if champion is None or is_champion else registry.runs.metrics(champion.run)
    beside = "(this version)" if is_champion else champion or "(none)"
    lines = [
        *describe_headline(spec, registry, version, server=load_settings().mlflow_url),
        "",
        f"{version} ({', '.join(version.aliases) or 'no alias'}), run {version.run}",
        f"  metric{'':24} this version   champion {beside}",
    ]
    for key in sorted(metrics):
        other = f"{against[key]:.4f}" if key in against else "-"
        lines.append(f"  {one_line(key):30} {metrics[key]:>12.4f}   {other:>8}")
    lines += [
        one_line(f"  {key.removeprefix('overnight.')}: {version.tags[key]}")
        for key in sorted(version.tags)
    ]
    lines += [one_line(f"  {key} = {value}") for key, value in sorted(params.items())]
    return "\n".join(lines)


def approve_version(reference: str, wanted: str, *, because: str, override: str = "") -> str:
    """See `steps.approve`."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    version = registry.get(wanted)
    require_reason(because)
    reviewer = signed_in_as(load_settings().tracking_uri)
    if reviewer is not None:
        chain = open_decisions(spec, registry).load()
        _approval(spec, registry, version, chain, actor=reviewer, reason=because, override=override)
        leave_wish(registry, version, "approve", because=because, override=override)
        registry.set_alias(APPROVED, version)
        log.info("Asked for %s as %s; the deploy run decides", version, reviewer)
        return str(version)
    record_approval(spec, registry, version, actor=os_actor(), reason=because, override=override)
    registry.set_alias(APPROVED, version)
    log.info("Approved %s: %s", version, because)
    return str(version)


def record_approval(
    spec: ModelSpec,
    registry: Registry,
    version: Version,
    *,
    actor: Actor,
    reason: str,
    override: str = "",
) -> Ledger:
    """Put an approval into the chain, or refuse it; the alias is the caller's.

    Args:
        spec: with the rules of approvals.
        registry: of the spec.
        version: what is approved.
        actor: who approves.
        reason: why.
        override: why the gate's refusal is set aside; empty: it is not.

    Raises:
        ProblemsError: with every reason against it.
    """

    def approve(chain: Ledger) -> Decision | None:
        drafted = _approval(
            spec, registry, version, chain, actor=actor, reason=reason, override=override
        )
        held = chain.approval
        return None if held is not None and held.version == version.number else drafted

    ledger = open_decisions(spec, registry).record(approve)
    _note(registry, version, state="approved", because=reason, actor=actor)
    if override.strip():
        _show_decisions(spec, registry, version, ledger)
    return ledger


def _approval(
    spec: ModelSpec, registry: Registry, version: Version, chain: Ledger, *, actor: Actor,
    reason: str, override: str,
) -> Decision:  # fmt: skip
    """Return the record of an approval, or every reason against it."""
    drafted = draft_decision(
        spec, registry, version, chain, kind="approval", actor=actor, reason=reason
    )
    problems = approval_refusals(
        version.number, ledger=chain, found=drafted.digests, author=author_of(version.tags),
        approver=actor, policy=approval_rules(spec, version.tags),
        is_override=bool(override.strip()),
    )  # fmt: skip
    refuse_any(f"the approval of {version}", [*problems, *find_damage(spec, version.tags)])
    if override.strip() and drafted.gate != ACCEPTED:
        why = f"{reason}; the gate's refusal set aside: {override}"
        return replace(drafted, kind="override", reason=why)
    return drafted


def reject_version(reference: str, wanted: str, *, because: str) -> str:
    """See `steps.reject`."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    version = registry.get(wanted)
    require_reason(because)
    reviewer = signed_in_as(load_settings().tracking_uri)
    if reviewer is not None:
        leave_wish(registry, version, "reject", because=because)
        log.info("Asked to reject %s as %s; the next run decides", version, reviewer)
        return str(version)
    record_rejection(spec, registry, version, actor=os_actor(), reason=because)
    log.info("Rejected %s: %s", version, because)
    return str(version)


def record_rejection(
    spec: ModelSpec, registry: Registry, version: Version, *, actor: Actor, reason: str
) -> None:
    """Put a rejection into the chain and take the version's aliases away.

    Raises:
        InputError: when the version serves.
    """

    def reject(chain: Ledger) -> Decision | None:
        if version.number == chain.champion:
            raise InputError(f'{version} is serving. Run "overnight rollback {spec.name}" first.')
        beside = chain.companion
        if beside is not None and beside.version == version.number:
            raise InputError(
                f'{version} is a {beside.kind}. Run "overnight end {spec.name}" first.'
            )
        if chain.last("rejection", version=version.number):
            return None
        return draft_decision(
            spec, registry, version, chain, kind="rejection", actor=actor, reason=reason
        )

    open_decisions(spec, registry).record(reject)
    _note(registry, version, state="rejected", because=reason, actor=actor)
    for alias in (CHALLENGER, APPROVED):
        if alias in version.aliases:
            registry.remove_alias(alias)


def describe_decisions(reference: str) -> str:
    """See `steps.decisions`."""
    spec = load_registered(reference)
    return describe(open_decisions(spec, open_registry(spec)).load())


def _show_decisions(spec: ModelSpec, registry: Registry, version: Version, ledger: Ledger) -> None:
    """Write the report anew, with what was decided of the version.

    A reviewer who may decide may not be allowed to write files of a run
    (`infra.aws.tasks.reviewing`), and the decision counts without.
    """
    from pipelines.review.report import publish_report

    told = [
        f"{r.time:%F %T} UTC, {r.kind} by {r.actor}: {r.reason}"
        for r in ledger.records if r.version == version.number and r.kind != "registration"
    ]  # fmt: skip
    try:
        publish_report(spec, registry, version, decisions=told)
    except Exception as error:  # noqa: BLE001 -- the store of the files says no in its own words
        log.warning("The report of %s does not show this decision: %s", version, error)


def _note(registry: Registry, version: Version, *, state: str, because: str, actor: Actor) -> None:
    """Show the decision on the version's page; what counts is the chain."""
    tags = {STATE: state, "overnight.because": because, "overnight.decided_by": str(actor)}
    registry.tag_version(version, tags)
