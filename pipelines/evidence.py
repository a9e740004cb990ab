"""What a version is now: the digests that a decision about it rests on."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from expectations.contract import OvernightError
from pipelines.decisions import Decisions
from pipelines.lake import Lake, digest_of
from pipelines.ledger import Digests
from pipelines.model_inputs import digest_training_set
from pipelines.registry import Registry, Version
from pipelines.settings import load_settings
from pipelines.spec import ModelSpec

HEAD = "overnight.decisions_head"
MISSING = "missing"


def open_decisions(spec: ModelSpec, registry: Registry) -> Decisions:
    """The chain of a spec; its newest hash is noted as a tag of the registered model."""
    return Decisions(
        Lake(load_settings().lake, spec=spec.name),
        noted_head=lambda: registry.model_tags().get(HEAD),
        note_head=lambda head: registry.tag_model({HEAD: head}),
    )


def find_digests(spec: ModelSpec, registry: Registry, version: Version) -> Digests:
    """Digests of what a version's bundle, training set, metrics and spec are now.

    What cannot be read any more has the digest `missing`, and so differs from what was recorded.
    """
    run, tags = version.run, version.tags
    return Digests(
        model=_digest_bundle(registry, version),
        data=_digest_data(spec, tags),
        metrics=digest_of(dict(registry.runs.metrics(run))),
        policy=tags.get("overnight.spec_digest", MISSING),
    )


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
