"""The IAM actions that a deployment needs, for its plan and for the role that runs it.

A shadow, a split, a report of disagreements and `status` need some of the same.
"""

from infra.sagemaker.control.alarms import wanted_alarms
from infra.sagemaker.control.client import EndpointState
from infra.sagemaker.control.configuration import EndpointConfiguration
from infra.sagemaker.endpoint_status import FAILED

READING = (
    "cloudwatch:DescribeAlarms",
    "s3:GetObject",
    "sagemaker:DescribeEndpoint",
    "sagemaker:DescribeEndpointConfig",
    "sagemaker:DescribeModel",
)
MAKING = (
    "cloudwatch:PutMetricAlarm",
    "iam:PassRole",
    "s3:CreateBucket",
    "s3:ListBucket",
    "s3:PutObject",
    "sagemaker:CreateEndpointConfig",
    "sagemaker:CreateModel",
)
MOVING = ("sagemaker:CreateEndpoint", "sagemaker:DeleteEndpoint", "sagemaker:UpdateEndpoint")
TIDYING = ("cloudwatch:DeleteAlarms",)
VERIFYING = ("sagemaker:InvokeEndpoint",)
# A rollback that cuts an update short.
ABORTING = ("cloudwatch:PutMetricData",)
# What the role of all these steps is given (`infra.aws.tasks.deployment`).
EVERY = (*READING, *MAKING, *MOVING, *TIDYING, *VERIFYING, *ABORTING)


def needed_actions(
    configuration: EndpointConfiguration, state: EndpointState | None, *, is_tidied: bool
) -> list[str]:
    """Return every action of a deployment, in alphabetical order.

    Args:
        configuration: the wanted one.
        state: the endpoint as it is; None when there is none.
        is_tidied: whether alarms on older models are removed.
    """
    moving = ["sagemaker:UpdateEndpoint"]
    if state is None or state.status == FAILED:
        # Deleted when it failed before, or when the first model answers otherwise than in training.
        moving = ["sagemaker:CreateEndpoint", "sagemaker:DeleteEndpoint"]
    if is_tidied:
        moving.append("cloudwatch:DeleteAlarms")
    alarms = () if wanted_alarms(configuration) else ("cloudwatch:PutMetricAlarm",)
    return sorted({*READING, *MAKING, *moving, *VERIFYING} - {*alarms})
