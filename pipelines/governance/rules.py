"""Whether a version may be approved, or deployed: every reason against it, at once."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime

from expectations.contract import InputError, format_duration
from pipelines.config import ApprovalPolicy, one_line
from pipelines.config.installation import Actor
from pipelines.governance.decision_log import ACCEPTED, LATER, Decision, Digests, Ledger

NOUNS = {
    "model": "the bundle",
    "data": "the training set",
    "metrics": "the run's metrics",
    "policy": "the spec that it was made by",
    "report": "the review report",
    "description": "the version's description",
}

# `reconcile` returns it when no approval is in force.
NOTHING = "nothing"


def approval_refusals(
    version: int,
    *,
    ledger: Ledger,
    found: Digests,
    author: Actor | None,
    approver: Actor,
    policy: ApprovalPolicy,
    is_override: bool = False,
    now: datetime | None = None,
) -> Iterator[str]:
    """Why a version may not be approved by someone; nothing when it may.

    Args:
        version: its number.
        ledger: the verified chain.
        found: digests of what the version is now.
        author: who made it, where that is known.
        approver: who approves.
        policy: the spec's rules.
        is_override: whether the gate's refusal is set aside, with a reason of its own.
        now: the time of the approval; None for the clock's.
    """
    registered = ledger.registration(version)
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
        undone = _undoing(ledger, kind, version)
        if undone is not None:
            yield f"{undone} by {_said(undone)}; train a new version"
    serving = ledger.champion
    if serving is not None and version < serving:
        yield f"it is older than the champion, version {serving}; use rollback to go back"
    waiting = ledger.approval
    if waiting is not None and waiting.version not in {version, serving}:
        yield (
            f"version {waiting.version} was approved by {one_line(waiting.actor)} and is not "
            "deployed yet; deploy it or reject it first"
        )


def shadow_refusals(version: int, *, ledger: Ledger, found: Digests) -> Iterator[str]:
    """Why a version may not answer copies of the traffic; nothing when it may."""
    registered = ledger.registration(version)
    if registered is None:
        yield "it has no record of its registration; register its run with the register step"
        return
    if registered.gate != ACCEPTED:
        yield f"the gate refused it: {one_line(registered.gate)}; train a new version"
    yield from changes_since(registered, found)
    rejected = _undoing(ledger, "rejection", version)
    if rejected is not None:
        yield f"{rejected} by {_said(rejected)}; train a new version"


def deployment_refusals(
    approval: Decision,
    *,
    ledger: Ledger,
    found: Digests,
    policy: ApprovalPolicy,
    now: datetime | None = None,
) -> Iterator[str]:
    """Why an approved version may not be deployed any more; nothing when it may."""
    yield from changes_since(approval, found)
    if approval.version != ledger.champion:
        yield from _expiry("it was approved", approval, policy, now, "approve it again")


def changes_since(record: Decision, found: Digests) -> Iterator[str]:
    """What of a version is not as it was when a record of it was made.

    Args:
        record: of the version.
        found: digests of what it is now.
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


def _undoing(ledger: Ledger, kind: str, version: int) -> Decision | None:
    """The record that took a version back: its rejection, or the rollback from it."""
    if kind == "rejection":
        return ledger.last("rejection", version=version)
    serving = None
    found = None
    for record in ledger.records:
        if record.kind == "rollback" and serving == version and record.version != version:
            found = record
        if record.kind in {"promotion", "rollback"}:
            serving = record.version
    return found


def require_reason(because: str) -> None:
    """Refuse a decision without a reason."""
    if not because.strip():
        raise InputError('A decision needs a reason. Give one: --because "…".')
