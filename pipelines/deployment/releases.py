"""A registered version on its way to the endpoint: its verified bundle as a layout of SageMaker."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from infra.sagemaker.control import Layout, Release, plan_layout
from pipelines.config import ModelSpec
from pipelines.governance import DecisionLog
from pipelines.modelling import fetch_verified
from pipelines.tracking import Registry, Version


@contextlib.contextmanager
def verified_release(
    registry: Registry, version: Version, *, digest: str | None
) -> Iterator[Release]:
    """A version's bundle in a folder, for as long as the block lasts.

    Args:
        registry: of the spec.
        version: whose bundle.
        digest: what the decision chain says of it; None: what its tag says.

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
) -> Iterator[Layout]:
    """A version alone behind the endpoint of its spec; arguments and errors as of `releasing`."""
    with verified_release(registry, version, digest=digest) as release:
        yield plan_layout(release, spec=spec.name, policy=spec.endpoint)


def champion_digest(decision_log: DecisionLog) -> str | None:
    """Digest of the champion's bundle as it was when it was promoted; None without a champion."""
    served = decision_log.last("promotion", "rollback")
    return None if served is None else served.digests.model
