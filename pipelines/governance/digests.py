"""The current digests of a version's parts, which every decision about it compares."""

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

from expectations.contract import OvernightError, digest_of
from pipelines.config import ModelSpec, TableVersion
from pipelines.config.installation import Actor, load_settings
from pipelines.governance.decision_log import ACCEPTED, Decision, DecisionLog, Digests, Kind, decide
from pipelines.governance.decision_store import DecisionStore
from pipelines.lake import DamagedError, Lake
from pipelines.modelling import digest_training_set
from pipelines.tracking import (
    DECISIONS_HEAD,
    GATE,
    GATE_REASONS,
    OWNER,
    REVIEW_REPORT,
    SPEC_DIGEST,
    TRAINING_SET,
    Registry,
    Version,
)

MISSING = "missing"


def open_decisions(spec: ModelSpec, registry: Registry) -> DecisionStore:
    """Open the decision log of a spec; its latest hash is a tag of the registered model."""
    return DecisionStore(
        Lake(load_settings().lake, spec=spec.name),
        noted_head=lambda: registry.noted(DECISIONS_HEAD),
        note_head=lambda head: registry.tag_model({DECISIONS_HEAD: head, OWNER: spec.name}),
    )


def find_digests(spec: ModelSpec, registry: Registry, version: Version) -> Digests:
    """Compute the digests of a version's bundle, training set, metrics, spec and report.

    A part that cannot be read has the digest `missing`, and so differs from the recorded one.
    """
    run, tags = version.run, version.tags
    return Digests(
        model=_digest_bundle(registry, version),
        data=_digest_data(spec, tags),
        metrics=digest_of(dict(registry.runs.metrics(run))),
        policy=tags.get(SPEC_DIGEST, MISSING),
        report=_digest_report(registry, run),
        description=hashlib.sha256(version.description.encode()).hexdigest(),
    )


def find_damage(spec: ModelSpec, tags: Mapping[str, str]) -> list[str]:
    """Find damaged files of a model's training set: one text that names all, or none.

    The digest of a training set covers the hashes in its file names; this reads the files.

    Args:
        spec: of the model.
        tags: of its run or version.
    """
    try:
        at = TableVersion.parse(tags[TRAINING_SET])
        Lake(load_settings().lake, spec=spec.name).refuse_damage(at)
    except DamagedError as error:
        return [str(error)]
    except (KeyError, OvernightError):
        return []  # the digest is then `missing`
    return []


def draft_decision(
    spec: ModelSpec, registry: Registry, version: Version, decision_log: DecisionLog, *, kind: Kind,
    actor: Actor, reason: str,
) -> Decision:  # fmt: skip
    """Draft a record with a version's current digests and the gate's verdict at registration."""
    registered = decision_log.registration(version.number)
    said = version.tags.get(GATE, "not asked")
    if said != ACCEPTED:
        said = f"{said}: {version.tags.get(GATE_REASONS, '')}"
    return decide(
        kind, version.number, actor=actor, reason=reason,
        gate=said if registered is None else registered.gate,
        digests=find_digests(spec, registry, version),
    )  # fmt: skip


def _digest_report(registry: Registry, run: str) -> str:
    found = registry.runs.read_file(run, REVIEW_REPORT)
    return MISSING if found is None else hashlib.sha256(found).hexdigest()


def _digest_bundle(registry: Registry, version: Version) -> str:
    from training.bundle import load_bundle  # loads LightGBM, which the status does not need

    with tempfile.TemporaryDirectory() as scratch:
        try:
            return load_bundle(registry.runs.fetch_bundle(version.run, target=Path(scratch))).digest
        except OvernightError:
            return MISSING


def _digest_data(spec: ModelSpec, tags: Mapping[str, str]) -> str:
    try:
        return digest_training_set(spec, TableVersion.parse(tags[TRAINING_SET]))
    except (KeyError, OvernightError):
        return MISSING
