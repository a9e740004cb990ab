"""Sticky routing in an A/B test: an entity is always answered by the same variant.

SageMaker draws a variant for each request. A customer whose requests reach now one model and now
the other says nothing about either, so the client names the variant: a hash of the entity against
the weights. Moving the weights moves only the entities between the old and the new border.
"""

import hashlib
import time
from dataclasses import dataclass
from typing import Any

KEEP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Weighted:
    """A production variant and its share of the traffic, before division by the sum."""

    name: str
    weight: float


def choose_variant(entity: str, variants: list[Weighted]) -> str | None:
    """Return the variant that answers an entity; None without a traffic split.

    >>> both = [Weighted("AllTraffic", 1.0), Weighted("Candidate", 0.0)]
    >>> choose_variant("c-17", both)
    'AllTraffic'
    """
    if len(variants) < 2:  # noqa: PLR2004 -- one variant needs no choice
        return None
    drawn = int.from_bytes(hashlib.sha256(entity.encode()).digest()[:8]) / 2.0**64
    border = drawn * sum(variant.weight for variant in variants)
    for variant in variants:
        border -= variant.weight
        if border < 0:
            return variant.name
    return variants[-1].name


class Variants:
    """The production variants of endpoints, read again after half a minute.

    Args:
        client: of SageMaker's control plane.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._cached: dict[str, tuple[float, list[Weighted]]] = {}

    def of(self, endpoint: str) -> list[Weighted]:
        """Name and weight of each, in the order of the config."""
        until, weights = self._cached.get(endpoint, (0.0, []))
        if time.monotonic() < until:
            return weights
        found = self._client.describe_endpoint(EndpointName=endpoint)
        listed = found.get("ProductionVariants", [])
        weights = [Weighted(v["VariantName"], float(v.get("CurrentWeight", 1.0))) for v in listed]
        self._cached[endpoint] = (time.monotonic() + KEEP_SECONDS, weights)
        return weights

    def forget(self, endpoint: str) -> None:
        """Ask again next time: a variant that was named is gone."""
        self._cached.pop(endpoint, None)
