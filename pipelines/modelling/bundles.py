"""The bundle of a run or a version: downloaded, and refused when it was changed since."""

from pathlib import Path

from expectations.contract import OvernightError
from pipelines.config import RunReference
from pipelines.modelling.trained_models import TrainedModel
from pipelines.tracking import DIGEST, Registry, Version
from training.bundle import load_bundle


def fetch_verified(
    registry: Registry, version: Version, *, target: Path, digest: str | None = None
) -> Path:
    """Download a version's bundle and refuse one that is not what was registered.

    Args:
        registry: of the spec.
        version: of the model.
        target: a folder to download to.
        digest: of the bundle, as the decision log has it; None: as the version's tag has it.

    Raises:
        OvernightError: when a file was changed since, or its digest is another version's.
    """
    folder = registry.runs.fetch_bundle(version.run, target=target)
    _refuse_other(folder, digest or version.tags.get(DIGEST), whose=str(version))
    return folder


def fetch_trained(registry: Registry, made: TrainedModel, *, target: Path) -> Path:
    """Download the bundle of a run and refuse one that differs from the record in the lake.

    Raises:
        OvernightError: when it was changed since.
    """
    folder = registry.runs.fetch_bundle(made.run, target=target)
    _refuse_other(folder, made.bundle_digest, whose=str(RunReference(made.run)))
    return folder


def _refuse_other(folder: Path, expected: str | None, *, whose: str) -> None:

    found = load_bundle(folder).digest
    if found != expected:
        raise OvernightError(
            f"The bundle of {whose} has the digest {found[:12]}, and "
            f"{str(expected)[:12]} was recorded: it was changed since. "
            "Do not deploy it; train and register a new version."
        )
