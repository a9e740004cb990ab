"""Candidates and the reviewer's decision: register, describe, approve, reject."""

import getpass
import logging
import tempfile
from pathlib import Path

from expectations.contract import InputError, OvernightError
from pipelines.registry import APPROVED, CHALLENGER, CHAMPION, STATE, Registry, Version
from pipelines.runs import DIGEST, Runs
from pipelines.settings import load_settings
from pipelines.snapshot import parse_as_of
from pipelines.spec import ModelSpec, load_spec

GATE, GATE_REASONS = "overnight.gate", "overnight.gate_reasons"

log = logging.getLogger(__name__)


def register_challenger(reference: str, as_of: str, *, run: str) -> str:
    """See `steps.register`."""
    spec = load_spec(reference)
    registry = open_registry(spec)
    run_id = run.removeprefix("runs:/")
    recorded = registry.runs.tags(run_id).get("overnight.as_of")
    if recorded is None or parse_as_of(recorded) != parse_as_of(as_of):
        raise InputError(f"{run} was trained as of {recorded}, not {as_of}. Name its own as_of.")
    tags = {k: v for k, v in registry.runs.tags(run_id).items() if k.startswith("overnight.")}
    decided = tags.get(GATE)
    if decided is None:
        raise InputError(f"{run} was not evaluated. Run the evaluate step for it first.")
    version = registry.register(run_id, tags=tags)
    if decided != "accepted":
        log.warning("Registered %s, no challenger: %s", version, tags.get(GATE_REASONS))
        return str(version)
    if STATE not in version.tags and CHALLENGER not in version.aliases:
        registry.set_alias(CHALLENGER, version)
    log.info("Registered %s from %s", version, run)
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


def approve_version(reference: str, wanted: str, *, because: str) -> str:
    """See `steps.approve`."""
    spec = load_spec(reference)
    registry = open_registry(spec)
    version = registry.get(wanted)
    _require_reason(because)
    if version.tags.get(STATE) == "rejected":
        raise InputError(
            f"{version} was rejected: {version.tags.get('overnight.because')}. "
            "Train and register a new version."
        )
    if version.tags.get(GATE) != "accepted":
        raise InputError(
            f"The gate refused {version}: {version.tags.get(GATE_REASONS)}. "
            "Train and register a new version."
        )
    with tempfile.TemporaryDirectory() as scratch:
        fetch_verified(registry, version, target=Path(scratch))
    _record(registry, version, state="approved", because=because)
    registry.set_alias(APPROVED, version)
    log.info("Approved %s: %s", version, because)
    return str(version)


def reject_version(reference: str, wanted: str, *, because: str) -> str:
    """See `steps.reject`."""
    spec = load_spec(reference)
    registry = open_registry(spec)
    version = registry.get(wanted)
    _require_reason(because)
    if CHAMPION in version.aliases:
        raise InputError(f'{version} is serving. Run "overnight rollback {spec.name}" first.')
    _record(registry, version, state="rejected", because=because)
    for alias in (CHALLENGER, APPROVED):
        if alias in version.aliases:
            registry.remove_alias(alias)
    log.info("Rejected %s: %s", version, because)
    return str(version)


def open_registry(spec: ModelSpec) -> Registry:
    """The registry of this environment for a spec."""
    settings = load_settings()
    # A tracking server says itself where artefacts go; a bare database does not.
    is_embedded = settings.tracking_uri.startswith("sqlite")
    artifacts = (settings.home / "mlruns" / spec.name).as_uri() if is_embedded else None
    return Registry(Runs(settings.tracking_uri, spec=spec.name, artifacts=artifacts))


def fetch_verified(registry: Registry, version: Version, *, target: Path) -> Path:
    """Download a version's bundle and refuse one that is not what was registered.

    Raises:
        OvernightError: when a file was changed since, or its digest is another version's.
    """
    from training.bundle import load_bundle

    folder = registry.runs.fetch_bundle(version.run, target=target)
    digest = load_bundle(folder).digest
    if digest != version.tags.get(DIGEST):
        raise OvernightError(
            f"The bundle of {version} has the digest {digest[:12]}, and "
            f"{str(version.tags.get(DIGEST))[:12]} was registered: it was changed since. "
            "Do not deploy it; train and register a new version."
        )
    return folder


def _require_reason(because: str) -> None:
    if not because.strip():
        raise InputError('A decision needs a reason. Give one: --because "…".')


def _record(registry: Registry, version: Version, *, state: str, because: str) -> None:
    tags = {
        STATE: state,
        "overnight.because": because,
        "overnight.decided_by": f"{getpass.getuser()} (operating system)",
    }
    registry.tag_version(version, tags)
