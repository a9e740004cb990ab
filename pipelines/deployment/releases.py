"""The endpoint configuration of a registered version, made from its verified bundle."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from infra.sagemaker.control import EndpointConfiguration, Release, plan_configuration
from pipelines.config import ModelSpec
from pipelines.governance import DecisionLog
from pipelines.modelling import fetch_verified
from pipelines.tracking import Registry, Version


@contextlib.contextmanager
def verified_release(
    registry: Registry, version: Version, *, digest: str | None
) -> Iterator[Release]:
    """Provide a version's verified bundle in a folder while the block lasts.

    Args:
        registry: of the spec.
        version: to release.
        digest: of the bundle, as the decision log has it; None: as the version's tag has it.

    Raises:
        OvernightError: when the bundle was changed since it was registered.
    """
    with tempfile.TemporaryDirectory() as scratch:
        # The copy that is deployed is the copy that is compared.
        folder = fetch_verified(registry, version, target=Path(scratch), digest=digest)
        yield Release(str(version.number), folder)


@contextlib.contextmanager
def endpoint_configuration(
    spec: ModelSpec, registry: Registry, version: Version, *, digest: str | None
) -> Iterator[EndpointConfiguration]:
    """Provide the configuration of an endpoint that serves one version alone.

    Arguments and errors are those of `verified_release`.
    """
    with verified_release(registry, version, digest=digest) as release:
        yield plan_configuration(release, spec=spec.name, policy=spec.endpoint)


def champion_digest(decision_log: DecisionLog) -> str | None:
    """Return the digest of the champion's bundle at its promotion; None without a champion."""
    served = decision_log.last("promotion", "rollback")
    return None if served is None else served.digests.model
