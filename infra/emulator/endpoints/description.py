"""The part of DescribeEndpoint's reply that describes a fleet."""

from collections.abc import Mapping
from typing import Any

from infra.emulator.endpoints.fleet import Fleet, Variant
from infra.emulator.protocol import Content


def summarise(fleet: Fleet, share: float) -> Content:
    """Return the variants of a fleet.

    Args:
        fleet: one of the endpoint's fleets.
        share: the fleet's part of all traffic.
    """
    content: Content = {"ProductionVariants": [_summarise(v, share) for v in fleet.variants]}
    if fleet.shadow is not None:
        content["ShadowProductionVariants"] = [_summarise(fleet.shadow, share)]
    return content


def summarise_capture(plan: Mapping[str, Any] | None) -> Content | None:
    """Return the DataCaptureConfigSummary of an endpoint's plan; None when nothing is captured."""
    capture = None if plan is None else plan["capture"]
    if capture is None:
        return None
    return {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
        "DestinationS3Uri": capture["DestinationS3Uri"],
        "KmsKeyId": capture.get("KmsKeyId", ""),
    }


def _summarise(variant: Variant, share: float) -> Content:
    count = len(variant.instances)
    return {
        "VariantName": variant.name,
        "DeployedImages": [{"SpecifiedImage": variant.image}],
        "CurrentWeight": variant.share.weight * share,
        "DesiredWeight": variant.share.weight,
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
    }
