"""The instances of one endpoint config, and which of them gets the next request.

Traffic is dealt out by weight (smooth weighted round robin), not drawn: a canary of 10 %
is one request in ten, and two runs route alike.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.emulator.endpoints.captures import CapturePlan
from infra.emulator.endpoints.instance import Instance
from infra.emulator.endpoints.plans import FleetPlan
from infra.emulator.endpoints.sampler import Sampler
from infra.emulator.host import Host
from infra.emulator.protocol import invalid

# A shadow that is slower than the traffic loses requests, not memory.
MAX_SHADOW_IN_FLIGHT = 100
METRICS_SECONDS = 60.0
MIN_METRICS_SECONDS = 0.2


@dataclass(slots=True)
class WeightedShare:
    """A weight and the credit that it has gathered."""

    weight: float
    credit: float = 0.0


def pick_weighted(shares: Sequence[WeightedShare]) -> int:
    """Return the index of the share that gets the next request, by smooth weighted round robin.

    >>> shares = [WeightedShare(3.0), WeightedShare(1.0)]
    >>> [pick_weighted(shares) for _ in range(8)]
    [0, 0, 1, 0, 0, 0, 1, 0]
    """
    total = sum(share.weight for share in shares)
    for share in shares:
        share.credit += share.weight
    chosen = max(range(len(shares)), key=lambda index: shares[index].credit)
    shares[chosen].credit -= total
    return chosen


@dataclass(slots=True)
class Variant:
    """A production variant: one model on one or more instances."""

    name: str
    share: WeightedShare
    image: str
    instances: list[Instance] = field(default_factory=list)
    next_instance: int = 0

    def pick(self) -> Instance:
        """Return the instance for the next request; requests are dealt round robin."""
        self.next_instance = (self.next_instance + 1) % len(self.instances)
        return self.instances[self.next_instance]


class Fleet:
    """The running variants of one endpoint config.

    Attributes:
        variants: the production variants.
        shadow: the variant that gets a copy of the traffic; None without one.
        capture: what is captured; None when nothing is.
    """

    def __init__(self, endpoint: str, plan: FleetPlan) -> None:
        self._endpoint = endpoint
        self._plan = plan
        self.variants = [Variant(p.name, WeightedShare(p.weight), p.image) for p in plan.variants]
        self.shadow: Variant | None = None
        self.capture: CapturePlan | None = None
        if plan.capture is not None:
            self.capture = CapturePlan(endpoint, plan.capture)
        if plan.shadow is not None:
            shadow = plan.shadow
            self.shadow = Variant(shadow.name, WeightedShare(shadow.weight), shadow.image)
            # The copies are to the requests as the weights are to each other; never more.
            share = min(1.0, shadow.weight / (sum(p.weight for p in plan.variants) or 1.0))
            self._shadow_sampler = Sampler(share)

    async def start(self, host: Host, *, logs: Path) -> None:
        """Start every instance; when one fails, the others are stopped.

        Raises:
            StartError: of the first instance that did not start.
        """
        pairs = list(zip(self._plan.variants, self.variants, strict=True))
        if self.shadow is not None and self._plan.shadow is not None:
            pairs.append((self._plan.shadow, self.shadow))
        for plan, variant in pairs:
            environment = {**build_defaults(host.time_scale), **plan.environment}
            for number in range(plan.count):
                instance = Instance(
                    host.artifacts.folder(plan.artifact),
                    runtime=host.runtime,
                    environment=environment,
                    log_file=logs / f"{self._plan.config}-{plan.name}-{number}.log",
                    on_samples=host.metrics.add,
                )
                # Listed before it starts: what is not listed is not stopped.
                variant.instances.append(instance)
        starts = (instance.start() for instance in self._all_instances())
        results = await asyncio.gather(*starts, return_exceptions=True)
        failures = [result for result in results if result is not None]
        if failures:
            await self.stop()
            raise failures[0]

    async def stop(self) -> None:
        """Drain and stop every instance."""
        await asyncio.gather(*(instance.stop() for instance in self._all_instances()))

    def instances(self) -> list[Instance]:
        """Return all instances of the production variants."""
        return [instance for variant in self.variants for instance in variant.instances]

    def pick(self, target: str | None) -> Variant:
        """Return the variant for the next request.

        Args:
            target: a variant that the request asks for.

        Raises:
            ServiceError: when there is no such variant.
        """
        if target is None:
            return self.variants[pick_weighted([variant.share for variant in self.variants])]
        for variant in self.variants:
            if variant.name == target:
                return variant
        raise invalid(f"Variant {target} is not a production variant of this endpoint.")

    def weigh(self, weights: Mapping[str, float]) -> None:
        """Set the weights of the production variants, by name."""
        for variant in self.variants:
            variant.share = WeightedShare(weights[variant.name])

    def pick_shadow(self) -> Instance | None:
        """Return the shadow's instance if it gets a copy of the next request, else None."""
        if self.shadow is None or not self._shadow_sampler.take():
            return None
        instance = self.shadow.pick()
        return instance if instance.in_flight < MAX_SHADOW_IN_FLIGHT else None

    def _all_instances(self) -> list[Instance]:
        shadows = [] if self.shadow is None else self.shadow.instances
        return self.instances() + shadows


def build_defaults(time_scale: float) -> dict[str, str]:
    """Return the environment of a container that its model may override."""
    seconds = max(MIN_METRICS_SECONDS, METRICS_SECONDS * time_scale)
    return {"OVERNIGHT_METRICS_SECONDS": f"{seconds:g}", "OVERNIGHT_WORKERS": "1"}
