"""Candidates and the reviewer's decision: register, describe, approve, reject."""

import logging
from dataclasses import replace
from pathlib import Path

from expectations.contract import InputError, OvernightError, refuse_any
from pipelines.approval import approval_refusals
from pipelines.evidence import find_digests, open_decisions
from pipelines.identity import Actor, os_actor
from pipelines.ledger import Decision, Kind, Ledger, author_of, decide, describe
from pipelines.registry import APPROVED, CHALLENGER, CHAMPION, STATE, Registry, Version
from pipelines.runs import DIGEST, Runs
from pipelines.settings import load_settings
from pipelines.snapshot import parse_as_of
from pipelines.spec import ModelSpec, is_changed, load_spec
from pipelines.wishes import leave_wish, signed_in_as

GATE, GATE_REASONS = "overnight.gate", "overnight.gate_reasons"
ACCEPTED = "accepted"
ASKS = ("automatic", "yes", "no")

log = logging.getLogger(__name__)


def register_challenger(reference: str, as_of: str, *, run: str, ask: str = "yes") -> str:
    """See `steps.register`."""
    from pipelines.packet import publish_packet

    if ask not in ASKS:
        raise InputError(f"ask {ask!r} is none of {', '.join(ASKS)}. Give one of them.")
    if ask == "no" or (ask == "automatic" and is_changed(reference)):
        log.info("Not registered: %s is an experiment. Register it by hand if it is good", run)
        return run
    spec = load_spec(reference)
    registry = open_registry(spec)
    run_id = run.removeprefix("runs:/")
    recorded = registry.runs.tags(run_id).get("overnight.as_of")
    if recorded is None or parse_as_of(recorded) != parse_as_of(as_of):
        raise InputError(f"{run} was trained as of {recorded}, not {as_of}. Name its own as_of.")
    tags = {k: v for k, v in registry.runs.tags(run_id).items() if k.startswith("overnight.")}
    if GATE not in tags:
        raise InputError(f"{run} was not evaluated. Run the evaluate step for it first.")
    version = registry.register(run_id, tags=tags)
    ledger = open_decisions(spec, registry).record(
        lambda chain: None
        if chain.registration(version.number)
        else _about(spec, registry, version, chain, kind="registration", actor=os_actor(),
                    reason=f"nightly run as of {as_of}")
    )  # fmt: skip
    if ledger.challenger == version.number and CHALLENGER not in version.aliases:
        registry.set_alias(CHALLENGER, version)
    if tags[GATE] == ACCEPTED:
        log.info("Registered %s from %s", version, run)
    else:
        log.warning("Registered %s, no challenger: %s", version, tags.get(GATE_REASONS))
    publish_packet(spec, registry, version)
    return str(version)


def describe_version(reference: str, wanted: str) -> str:
    """See `steps.review`."""
    spec = load_spec(reference)
    registry = open_registry(spec)
    version = registry.get(wanted)
    metrics, params = registry.runs.metrics(version.run), registry.runs.params(version.run)
    champion = registry.find(CHAMPION)
    against = {} if champion is None else registry.runs.metrics(champion.run)
    lines = [
        f"{version} ({', '.join(version.aliases) or 'no alias'}), run {version.run}",
        *(
            f"  {key.removeprefix('overnight.')}: {version.tags[key]}"
            for key in sorted(version.tags)
        ),
        f"  metric{'':24} this version   champion {champion or '(none)'}",
    ]
    for key in sorted(metrics):
        other = f"{against[key]:.4f}" if key in against else "-"
        lines.append(f"  {key:30} {metrics[key]:>12.4f}   {other:>8}")
    lines += [f"  {key} = {value}" for key, value in sorted(params.items())]
    return "\n".join(lines)


def approve_version(reference: str, wanted: str, *, because: str, override: str = "") -> str:
    """See `steps.approve`."""
    spec = load_spec(reference)
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
    """The record of an approval, or every reason against it."""
    drafted = _about(spec, registry, version, chain, kind="approval", actor=actor, reason=reason)
    problems = approval_refusals(
        version.number, ledger=chain, found=drafted.digests, author=author_of(version.tags),
        approver=actor, policy=spec.approval, is_override=bool(override.strip()),
    )  # fmt: skip
    refuse_any(f"the approval of {version}", list(problems))
    if override.strip() and drafted.gate != ACCEPTED:
        why = f"{reason}; the gate's refusal set aside: {override}"
        return replace(drafted, kind="override", reason=why)
    return drafted


def reject_version(reference: str, wanted: str, *, because: str) -> str:
    """See `steps.reject`."""
    spec = load_spec(reference)
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
        if chain.last("rejection", version=version.number):
            return None
        return _about(spec, registry, version, chain, kind="rejection", actor=actor, reason=reason)

    open_decisions(spec, registry).record(reject)
    _note(registry, version, state="rejected", because=reason, actor=actor)
    for alias in (CHALLENGER, APPROVED):
        if alias in version.aliases:
            registry.remove_alias(alias)


def describe_decisions(reference: str) -> str:
    """See `steps.decisions`."""
    spec = load_spec(reference)
    return describe(open_decisions(spec, open_registry(spec)).load())


def open_registry(spec: ModelSpec) -> Registry:
    """The registry of this environment for a spec."""
    settings = load_settings()
    # A tracking server says itself where artefacts go; a bare database does not.
    is_embedded = settings.tracking_uri.startswith("sqlite")
    artifacts = (settings.home / "mlruns" / spec.name).as_uri() if is_embedded else None
    return Registry(Runs(settings.tracking_uri, spec=spec.name, artifacts=artifacts))


def fetch_verified(
    registry: Registry, version: Version, *, target: Path, digest: str | None = None
) -> Path:
    """Download a version's bundle and refuse one that is not what was registered.

    Args:
        registry: of the spec.
        version: whose bundle.
        target: a folder to download to.
        digest: what was recorded of it in the decision chain; None: what its tag says.

    Raises:
        OvernightError: when a file was changed since, or its digest is another version's.
    """
    from training.bundle import load_bundle

    folder = registry.runs.fetch_bundle(version.run, target=target)
    found, expected = load_bundle(folder).digest, digest or version.tags.get(DIGEST)
    if found != expected:
        raise OvernightError(
            f"The bundle of {version} has the digest {found[:12]}, and "
            f"{str(expected)[:12]} was registered: it was changed since. "
            "Do not deploy it; train and register a new version."
        )
    return folder


def _about(
    spec: ModelSpec, registry: Registry, version: Version, chain: Ledger, *, kind: Kind,
    actor: Actor, reason: str,
) -> Decision:  # fmt: skip
    """A record about a version as it is now, with what the gate said when it was registered."""
    registered = chain.registration(version.number)
    said = version.tags.get(GATE, "not asked")
    if said != ACCEPTED:
        said = f"{said}: {version.tags.get(GATE_REASONS, '')}"
    return decide(
        kind, version.number, actor=actor, reason=reason,
        gate=said if registered is None else registered.gate,
        digests=find_digests(spec, registry, version),
    )  # fmt: skip


def _show_decisions(spec: ModelSpec, registry: Registry, version: Version, ledger: Ledger) -> None:
    """Write the packet anew, with what was decided of the version."""
    from pipelines.packet import publish_packet

    told = [
        f"{r.time:%F %T} UTC, {r.kind} by {r.actor}: {r.reason}"
        for r in ledger.records if r.version == version.number and r.kind != "registration"
    ]  # fmt: skip
    publish_packet(spec, registry, version, decisions=told)


def require_reason(because: str) -> None:
    """Refuse a decision without a reason."""
    if not because.strip():
        raise InputError('A decision needs a reason. Give one: --because "…".')


def _note(registry: Registry, version: Version, *, state: str, because: str, actor: Actor) -> None:
    """Show the decision on the version's page; what counts is the chain."""
    tags = {STATE: state, "overnight.because": because, "overnight.decided_by": str(actor)}
    registry.tag_version(version, tags)
