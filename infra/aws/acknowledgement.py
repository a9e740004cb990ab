"""Acknowledged findings of cdk-nag and checkov, each with its reason."""

from collections.abc import Mapping

from aws_cdk import Acknowledgment, CfnResource, Validations
from constructs import Construct

PACK = "AwsSolutions::"


def acknowledge_nag(construct: Construct, reasons: Mapping[str, str]) -> None:
    """Acknowledge findings of cdk-nag.

    Args:
        construct: on which they are, or above it.
        reasons: by rule, or by rule and finding: `AwsSolutions-IAM5[Resource::*]`.
    """
    listed = [Acknowledgment(id=PACK + rule, reason=why) for rule, why in reasons.items()]
    Validations.of(construct).acknowledge(*listed)


def acknowledge_checkov(construct: Construct, reasons: Mapping[str, str]) -> None:
    """Acknowledge findings of checkov on the resource of a construct.

    Args:
        construct: whose resource they are on.
        reasons: by rule, `CKV_AWS_18`.
    """
    resource = construct if isinstance(construct, CfnResource) else construct.node.default_child
    if not isinstance(resource, CfnResource):
        raise TypeError(f"{construct.node.path} has no resource of its own; name one.")
    listed = [{"id": rule, "comment": reason} for rule, reason in reasons.items()]
    resource.add_metadata("checkov", {"skip": listed})
