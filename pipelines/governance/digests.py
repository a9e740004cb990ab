"""What a version is now: its verified bundle, and the digests that a decision about it rests on."""

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

from expectations.contract import OvernightError, digest_of
from pipelines.config import ModelSpec
from pipelines.config.installation import Actor, load_settings
from pipelines.governance.decision_log import ACCEPTED, Decision, Digests, Kind, Ledger, decide
from pipelines.governance.decision_store import Decisions
from pipelines.lake import DamagedError, Lake, TableVersion
from pipelines.modelling import digest_training_set
from pipelines.tracking import GATE, GATE_REASONS, OWNER, PACKET, Registry, Version

HEAD = "overnight.decisions_head"
MISSING = "missing"


def open_decisions(spec: ModelSpec, registry: Registry) -> Decisions:
    """The chain of a spec; its newest hash is noted as a tag of the registered model."""
    return Decisions(
        Lake(load_settings().lake, spec=spec.name),
        noted_head=lambda: registry.noted(HEAD),
        note_head=lambda head: registry.tag_model({HEAD: head, OWNER: spec.name}),
    )


def find_digests(spec: ModelSpec, registry: Registry, version: Version) -> Digests:
    """Digests of what a version's bundle, training set, metrics, spec and report are now.

    What cannot be read any more has the digest `missing`, and so differs from what was recorded.
    """
    run, tags = version.run, version.tags
    return Digests(
        model=_digest_bundle(registry, version),
        data=_digest_data(spec, tags),
        metrics=digest_of(dict(registry.runs.metrics(run))),
        policy=tags.get("overnight.spec_digest", MISSING),
        report=_digest_report(registry, run),
        description=hashlib.sha256(version.description.encode()).hexdigest(),
    )


def find_damage(spec: ModelSpec, tags: Mapping[str, str]) -> list[str]:
    """Damaged files of a model's training set: one text that names all, or nothing.

    The digest of a training set is of the hashes in its files' names; this reads the files.

    Args:
        spec: of the model.
        tags: of its run or version.
    """
    try:
        at = TableVersion.parse(tags["overnight.training_set"])
        Lake(load_settings().lake, spec=spec.name).refuse_damage(at)
    except DamagedError as error:
        return [str(error)]
    except (KeyError, OvernightError):
        return []  # the digest is then `missing`
    return []


def draft_decision(
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


def _digest_report(registry: Registry, run: str) -> str:
    found = registry.runs.read_file(run, PACKET)
    return MISSING if found is None else hashlib.sha256(found).hexdigest()


def _digest_bundle(registry: Registry, version: Version) -> str:
    from training.bundle import load_bundle

    with tempfile.TemporaryDirectory() as scratch:
        try:
            return load_bundle(registry.runs.fetch_bundle(version.run, target=Path(scratch))).digest
        except OvernightError:
            return MISSING


def _digest_data(spec: ModelSpec, tags: Mapping[str, str]) -> str:
    try:
        return digest_training_set(spec, tags["overnight.training_set"])
    except (KeyError, OvernightError):
        return MISSING
