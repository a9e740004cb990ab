"""The steps of a reviewer: describe, approve and reject a version."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from expectations.contract import InputError, refuse_any
from pipelines.config import (
    Column,
    ModelSpec,
    ModelVersion,
    approval_rules,
    format_table,
    load_registered,
    one_line,
)
from pipelines.config.installation import Actor, load_settings, os_actor, signed_in_as
from pipelines.governance import (
    ACCEPTED,
    Decision,
    DecisionLog,
    approval_refusals,
    author_of,
    describe,
    draft_decision,
    find_damage,
    open_decisions,
    require_reason,
)
from pipelines.review.report import describe_headline, publish_report
from pipelines.review.requests import leave_request
from pipelines.tracking import (
    APPROVED,
    BECAUSE,
    CHALLENGER,
    CHAMPION,
    DECIDED_BY,
    STATE,
    Registry,
    Version,
    open_registry,
    short_name,
)

log = logging.getLogger(__name__)


def describe_version(reference: str, wanted: str) -> str:
    """Describe a version: verdict, headline, metrics beside the champion's, tags, parameters."""
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
        _compare(metrics, against, beside=str(beside)),
    ]
    lines += [one_line(f"  {short_name(key)}: {version.tags[key]}") for key in sorted(version.tags)]
    lines += [one_line(f"  {key} = {value}") for key, value in sorted(params.items())]
    return "\n".join(lines)


def _compare(ours: Mapping[str, float], theirs: Mapping[str, float], *, beside: str) -> str:
    """Make a table of every metric, with the champion's where it has it."""
    rows = [("metric", "this version", "champion", beside)]
    for key in sorted(ours):
        other = f"{theirs[key]:.4f}" if key in theirs else "-"
        rows.append((key, f"{ours[key]:.4f}", other, ""))
    columns = [
        Column(at_least=30, gap=1), Column(at_least=12, is_right=True, gap=3),
        Column(at_least=8, is_right=True, gap=1),
    ]  # fmt: skip
    return format_table(rows, columns, indent=2)


def approve_version(
    reference: str, wanted: str, *, because: str, override: str = ""
) -> ModelVersion:
    """Approve a version, or request the approval where only the deployer may write decisions."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    version = registry.get(wanted)
    require_reason(because)
    reviewer = signed_in_as(load_settings().tracking_uri)
    if reviewer is not None:
        decision_log = open_decisions(spec, registry).load()
        _approval(
            spec, registry, version, decision_log, actor=reviewer, reason=because, override=override
        )
        leave_request(registry, version, "approve", because=because, override=override)
        registry.set_alias(APPROVED, version)
        log.info("Asked for %s as %s; the deploy run decides", version, reviewer)
        return version.reference
    record_approval(spec, registry, version, actor=os_actor(), reason=because, override=override)
    registry.set_alias(APPROVED, version)
    log.info("Approved %s: %s", version, because)
    return version.reference


def record_approval(
    spec: ModelSpec,
    registry: Registry,
    version: Version,
    *,
    actor: Actor,
    reason: str,
    override: str = "",
) -> DecisionLog:
    """Record an approval, or refuse it; the caller moves the alias.

    Args:
        spec: with the rules of approvals.
        registry: of the spec.
        version: to approve.
        actor: the approver.
        reason: of the approval.
        override: reason to override the gate's refusal; empty: no override.

    Raises:
        ProblemsError: with every reason against it.
    """

    def approve(decision_log: DecisionLog) -> Decision | None:
        drafted = _approval(
            spec, registry, version, decision_log, actor=actor, reason=reason, override=override
        )
        current = decision_log.approval
        return None if current is not None and current.version == version.number else drafted

    decision_log = open_decisions(spec, registry).record(approve)
    _note(registry, version, state="approved", because=reason, actor=actor)
    if override.strip():
        _show_decisions(spec, registry, version, decision_log)
    return decision_log


def _approval(
    spec: ModelSpec, registry: Registry, version: Version, decision_log: DecisionLog, *,
    actor: Actor, reason: str, override: str,
) -> Decision:  # fmt: skip
    """Draft the record of an approval, or raise an error with every reason against it."""
    drafted = draft_decision(
        spec, registry, version, decision_log, kind="approval", actor=actor, reason=reason
    )
    problems = approval_refusals(
        version.number, decision_log=decision_log, found=drafted.digests,
        author=author_of(version.tags), approver=actor, policy=approval_rules(spec, version.tags),
        is_override=bool(override.strip()),
    )  # fmt: skip
    refuse_any(f"the approval of {version}", [*problems, *find_damage(spec, version.tags)])
    if override.strip() and drafted.gate != ACCEPTED:
        why = f"{reason}; the gate's refusal set aside: {override}"
        return replace(drafted, kind="override", reason=why)
    return drafted


def reject_version(reference: str, wanted: str, *, because: str) -> ModelVersion:
    """Reject a version, or request the rejection where only the deployer may write decisions."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    version = registry.get(wanted)
    require_reason(because)
    reviewer = signed_in_as(load_settings().tracking_uri)
    if reviewer is not None:
        leave_request(registry, version, "reject", because=because)
        log.info("Asked to reject %s as %s; the next run decides", version, reviewer)
        return version.reference
    record_rejection(spec, registry, version, actor=os_actor(), reason=because)
    log.info("Rejected %s: %s", version, because)
    return version.reference


def record_rejection(
    spec: ModelSpec, registry: Registry, version: Version, *, actor: Actor, reason: str
) -> None:
    """Record a rejection and remove the version's aliases.

    Raises:
        InputError: when the version serves.
    """

    def reject(decision_log: DecisionLog) -> Decision | None:
        if version.number == decision_log.champion:
            raise InputError(f'{version} is serving. Run "overnight rollback {spec.name}" first.')
        beside = decision_log.variant
        if beside is not None and beside.version == version.number:
            raise InputError(
                f'{version} is a {beside.kind}. Run "overnight end {spec.name}" first.'
            )
        if decision_log.last("rejection", version=version.number):
            return None
        return draft_decision(
            spec, registry, version, decision_log, kind="rejection", actor=actor, reason=reason
        )

    open_decisions(spec, registry).record(reject)
    _note(registry, version, state="rejected", because=reason, actor=actor)
    for alias in (CHALLENGER, APPROVED):
        if alias in version.aliases:
            registry.remove_alias(alias)


def describe_decisions(reference: str) -> str:
    """List the verified decision log of a spec."""
    spec = load_registered(reference)
    return describe(open_decisions(spec, open_registry(spec)).load())


def _show_decisions(
    spec: ModelSpec, registry: Registry, version: Version, decision_log: DecisionLog
) -> None:
    """Write the review report again, with the decisions about the version.

    A reviewer may lack the permission to write files of a run (`infra.aws.tasks.reviewing`); the
    decision counts without the report.
    """
    message = [
        f"{r.time:%F %T} UTC, {r.kind} by {r.actor}: {r.reason}"
        for r in decision_log.records if r.version == version.number and r.kind != "registration"
    ]  # fmt: skip
    try:
        publish_report(spec, registry, version, decisions=message)
    except Exception as error:  # noqa: BLE001 -- each file store has errors of its own
        log.warning("The review report of %s does not show this decision: %s", version, error)


def _note(registry: Registry, version: Version, *, state: str, because: str, actor: Actor) -> None:
    """Show the decision on the version's page; the decision log is authoritative."""
    tags = {STATE: state, BECAUSE: because, DECIDED_BY: str(actor)}
    registry.tag_version(version, tags)
