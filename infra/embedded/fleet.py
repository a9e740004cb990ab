"""The instances of one endpoint config, and which of them gets the next request.

Traffic is dealt out in turn by weight (smooth weighted round robin), not drawn: a canary of 10 %
is one request in ten, and two runs route alike.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from infra.embedded.instance import Instance
from infra.embedded.protocol import invalid


@dataclass(slots=True)
class Turn:
    """A share of the traffic and the credit it has gathered."""

    weight: float
    credit: float = 0.0


def take_turn(turns: Sequence[Turn]) -> int:
    """The index of the one whose turn it is; each gets its weight's share of all calls.

    >>> turns = [Turn(3.0), Turn(1.0)]
    >>> [take_turn(turns) for _ in range(8)]
    [0, 0, 1, 0, 0, 0, 1, 0]
    """
    total = sum(turn.weight for turn in turns)
    for turn in turns:
        turn.credit += turn.weight
    chosen = max(range(len(turns)), key=lambda index: turns[index].credit)
    turns[chosen].credit -= total
    return chosen


@dataclass(slots=True)
class Variant:
    """A production variant: one model on one or more instances."""

    name: str
    turn: Turn
    image: str
    instances: list[Instance] = field(default_factory=list)
    next_instance: int = 0

    def pick(self) -> Instance:
        """The instance for the next request, each in turn."""
        self.next_instance = (self.next_instance + 1) % len(self.instances)
        return self.instances[self.next_instance]


@dataclass(frozen=True, slots=True)
class VariantPlan:
    """What a variant is to run.

    Attributes:
        artifact: digest of its unpacked artefact.
    """

    name: str
    weight: float
    count: int
    image: str
    artifact: str


class Fleet:
    """Everything that runs for one endpoint config.

    Attributes:
        config: its name.
        artifacts: the digest of each variant's artefact, to start it again without S3.
    """

    def __init__(self, config: str, plans: Sequence[VariantPlan]) -> None:
        self.config = config
        self.artifacts = {plan.name: plan.artifact for plan in plans}
        self._plans = plans
        self.variants = [Variant(p.name, Turn(p.weight), p.image) for p in plans]

    async def start(self, artifacts: Path, *, logs: Path, http: aiohttp.ClientSession) -> None:
        """Start every instance; when one fails, the others are stopped.

        Raises:
            StartError: of the first instance that did not start.
        """
        for plan, variant in zip(self._plans, self.variants, strict=True):
            for number in range(plan.count):
                file = logs / f"{self.config}-{plan.name}-{number}.log"
                folder = artifacts / plan.artifact
                # Listed before it starts: what is not listed is not stopped.
                variant.instances.append(Instance(folder, log_file=file, http=http))
        starts = (instance.start() for instance in self.instances())
        results = await asyncio.gather(*starts, return_exceptions=True)
        failures = [result for result in results if result is not None]
        if failures:
            await self.stop()
            raise failures[0]

    async def stop(self) -> None:
        """Drain and stop every instance."""
        await asyncio.gather(*(instance.stop() for instance in self.instances()))

    def instances(self) -> list[Instance]:
        """All instances of all variants."""
        return [instance for variant in self.variants for instance in variant.instances]

    def pick(self, target: str | None) -> tuple[str, Instance]:
        """The variant and the instance for the next request.

        Args:
            target: a variant that the request asks for.

        Raises:
            ServiceError: when there is no such variant.
        """
        if target is None:
            variant = self.variants[take_turn([variant.turn for variant in self.variants])]
            return variant.name, variant.pick()
        for variant in self.variants:
            if variant.name == target:
                return variant.name, variant.pick()
        raise invalid(f"Variant {target} is not a production variant of this endpoint.")
