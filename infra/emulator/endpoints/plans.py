"""Plans of fleets, read from an endpoint config and its models.

A plan is kept in the endpoint's record: after a restart the fleet comes back from it, even when
config and model were deleted meanwhile, as a live endpoint of AWS does not need them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.emulator.artifacts import Artifacts
from infra.emulator.protocol import Content, invalid
from infra.emulator.resources import MODEL, Resources


@dataclass(frozen=True, slots=True)
class VariantPlan:
    """The plan of one variant.

    Attributes:
        artifact: digest of its unpacked artefact.
        environment: what the model sets for its container.
    """

    name: str
    weight: float
    count: int
    image: str
    artifact: str
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """The plan of a fleet.

    Attributes:
        config: name of the endpoint config.
        shadow: the variant that gets a copy of the traffic and never answers; at most one.
        capture: the DataCaptureConfig, None when nothing is captured.
    """

    config: str
    variants: list[VariantPlan]
    shadow: VariantPlan | None
    capture: Content | None


def read_plan(content: Mapping[str, Any]) -> FleetPlan:
    """Read a plan from an endpoint's record."""
    shadow = content["shadow"]
    return FleetPlan(
        config=content["config"],
        variants=[VariantPlan(**variant) for variant in content["variants"]],
        shadow=None if shadow is None else VariantPlan(**shadow),
        capture=content["capture"],
    )


async def build_plan(
    name: str, config: Content, *, resources: Resources, artifacts: Artifacts
) -> FleetPlan:
    """Build the plan of a config, and fetch the artefacts of its models.

    Raises:
        ServiceError: when a model is not there.
        ArtifactError: when an artefact cannot be had.
    """

    async def plan(variant: Content) -> VariantPlan:
        container = resources.get(MODEL, variant["ModelName"])["PrimaryContainer"]
        digest = await asyncio.to_thread(artifacts.fetch, container["ModelDataUrl"])
        return VariantPlan(
            name=variant["VariantName"],
            weight=float(variant.get("InitialVariantWeight", 1.0)),
            count=int(variant.get("InitialInstanceCount", 1)),
            image=container["Image"],
            artifact=digest,
            environment=dict(container.get("Environment", {})),
        )

    shadows = config.get("ShadowProductionVariants", [])
    capture = config.get("DataCaptureConfig")
    return FleetPlan(
        config=name,
        variants=[await plan(variant) for variant in config["ProductionVariants"]],
        shadow=await plan(shadows[0]) if shadows else None,
        capture=capture if capture and capture.get("EnableCapture", True) else None,
    )


def refuse_variants(variants: Sequence[Content], shadows: Sequence[Content]) -> None:
    """Refuse variants that SageMaker would not take together.

    Raises:
        ServiceError: naming every problem.
    """
    problems = []
    names = [variant["VariantName"] for variant in (*variants, *shadows)]
    if len(set(names)) < len(names):
        problems.append(f"Variant names must be unique, got {', '.join(names)}.")
    if shadows and (len(variants) > 1 or len(shadows) > 1):
        problems.append(
            "With ShadowProductionVariants there can be one production variant and one shadow, "
            f"got {len(variants)} and {len(shadows)}."
        )
    if not sum(float(variant.get("InitialVariantWeight", 1.0)) for variant in variants):
        problems.append("At least one production variant must have a weight above 0.")
    if problems:
        raise invalid(" ".join(problems))
