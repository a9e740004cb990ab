"""Rules of approval, shadowing and deployment: each returns every reason against it."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime

from expectations.contract import InputError, format_duration
from pipelines.config import ApprovalPolicy, one_line
from pipelines.config.installation import Actor
from pipelines.governance.decision_log import ACCEPTED, LATER, Decision, DecisionLog, Digests

NOUNS = {
    "model": "the bundle",
    "data": "the training set",
    "metrics": "the run's metrics",
    "policy": "the spec that it was made by",
    "report": "the review report",
    "description": "the version's description",
}


def approval_refusals(
    version: int,
    *,
    decision_log: DecisionLog,
    found: Digests,
    author: Actor | None,
    approver: Actor,
    policy: ApprovalPolicy,
    is_override: bool = False,
    now: datetime | None = None,
) -> Iterator[str]:
    """List every reason against an approval; none when it is allowed.

    Args:
        version: its number.
        decision_log: verified.
        found: the version's current digests.
        author: of the version, where known.
        approver: of the version.
        policy: the spec's rules.
        is_override: True if the gate's refusal is overridden, with a reason of its own.
        now: the time of the approval; None for the clock's.
    """
    registered = decision_log.registration(version)
    if registered is None:
        yield "it has no record of its registration; register its run with the register step"
        return
    if registered.gate != ACCEPTED and not is_override:
        said = one_line(registered.gate)
        yield f"the gate refused it: {said}; set that aside with --override and a reason"
    yield from changes_since(registered, found)
    if policy.four_eyes and approver.is_known_as(author):
        yield f"{one_line(str(approver))} made it; another person has to approve it"
    yield from _expiry("it was registered", registered, policy, now, "train a new version")
    for kind in ("rejection", "rollback"):
        undone = _undoing(decision_log, kind, version)
        if undone is not None:
            yield f"{undone} by {_said(undone)}; train a new version"
    serving = decision_log.champion
    if serving is not None and version < serving:
        yield f"it is older than the champion, version {serving}; use rollback to go back"
    waiting = decision_log.approval
    if waiting is not None and waiting.version not in {version, serving}:
        yield (
            f"version {waiting.version} was approved by {one_line(waiting.actor)} and is not "
            "deployed yet; deploy it or reject it first"
        )


def shadow_refusals(version: int, *, decision_log: DecisionLog, found: Digests) -> Iterator[str]:
    """List every reason against a shadow deployment; none when it is allowed."""
    registered = decision_log.registration(version)
    if registered is None:
        yield "it has no record of its registration; register its run with the register step"
        return
    if registered.gate != ACCEPTED:
        yield f"the gate refused it: {one_line(registered.gate)}; train a new version"
    yield from changes_since(registered, found)
    rejected = _undoing(decision_log, "rejection", version)
    if rejected is not None:
        yield f"{rejected} by {_said(rejected)}; train a new version"


def deployment_refusals(
    approval: Decision,
    *,
    decision_log: DecisionLog,
    found: Digests,
    policy: ApprovalPolicy,
    now: datetime | None = None,
) -> Iterator[str]:
    """List every reason against deploying an approved version; none when it is allowed."""
    yield from changes_since(approval, found)
    if approval.version != decision_log.champion:
        yield from _expiry("it was approved", approval, policy, now, "approve it again")


def changes_since(record: Decision, found: Digests) -> Iterator[str]:
    """List the parts of a version that changed since a record of it was made.

    Args:
        record: of the version.
        found: its current digests.
    """
    recorded = record.digests
    for field in fields(Digests):
        was, now = getattr(recorded, field.name), getattr(found, field.name)
        if was != now and (was or field.name not in LATER):
            yield (
                f"{NOUNS[field.name]} has the digest {now[:12]}, and {was[:12]} was recorded: it "
                "was changed since; train and register a new version"
            )


def _said(record: Decision) -> str:
    return one_line(f"{record.actor}: {record.reason or '-'}")


def _expiry(
    done: str, record: Decision, policy: ApprovalPolicy, now: datetime | None, remedy: str
) -> Iterator[str]:
    age = (now or datetime.now(UTC)) - record.time
    if age > policy.expires:
        yield (
            f"{done} {age.days} days ago, and that holds {format_duration(policy.expires)}; "
            f"{remedy}"
        )


def _undoing(decision_log: DecisionLog, kind: str, version: int) -> Decision | None:
    """Return the record that withdrew a version: its rejection, or the rollback from it."""
    if kind == "rejection":
        return decision_log.last("rejection", version=version)
    serving = None
    found = None
    for record in decision_log.records:
        if record.kind == "rollback" and serving == version and record.version != version:
            found = record
        if record.kind in {"promotion", "rollback"}:
            serving = record.version
    return found


def require_reason(because: str) -> None:
    """Refuse a decision without a reason."""
    if not because.strip():
        raise InputError('A decision needs a reason. Give one: --because "…".')
