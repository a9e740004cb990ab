"""A registered version on its way to the endpoint: its verified bundle as a layout of SageMaker."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.config import ModelSpec
from pipelines.governance import Ledger
from pipelines.modelling import fetch_verified
from pipelines.tracking import Registry, Version

if TYPE_CHECKING:
    from infra.sagemaker.control import Layout, Release


@contextlib.contextmanager
def releasing(registry: Registry, version: Version, *, digest: str | None) -> Iterator["Release"]:
    """A version's bundle in a folder, for as long as the block lasts.

    Args:
        registry: of the spec.
        version: whose bundle.
        digest: what the decision chain says of it; None: what its tag says.

    Raises:
        OvernightError: when the bundle was changed since it was registered.
    """
    from infra.sagemaker.control import Release

    with tempfile.TemporaryDirectory() as scratch:
        # The copy that is deployed is the copy that is compared.
        folder = fetch_verified(registry, version, target=Path(scratch), digest=digest)
        yield Release(str(version.number), folder)


@contextlib.contextmanager
def laid_out(
    spec: ModelSpec, registry: Registry, version: Version, *, digest: str | None
) -> Iterator["Layout"]:
    """A version alone behind the endpoint of its spec; arguments and errors as of `releasing`."""
    from infra.sagemaker.control import plan_layout

    with releasing(registry, version, digest=digest) as release:
        yield plan_layout(release, spec=spec.name, policy=spec.endpoint)


def champion_digest(chain: Ledger) -> str | None:
    """Digest of the champion's bundle as it was when it was promoted; None without a champion."""
    served = chain.last("promotion", "rollback")
    return None if served is None else served.digests.model
