"""The control plane: the state of an endpoint, and its changes."""

from infra.sagemaker.control.actions import EVERY, READING
from infra.sagemaker.control.alarms import in_alarm, remove_stale_alarms, wanted_alarms
from infra.sagemaker.control.configuration import (
    EndpointConfiguration,
    Release,
    capture_prefix,
    plan_configuration,
    with_candidate,
    with_shadow,
)
from infra.sagemaker.control.deployment import (
    DeploymentResult,
    abort,
    delete_endpoint,
    find_leading_digest,
    is_live,
    require_serving,
    roll_out,
    update_all_at_once,
    verify,
)
from infra.sagemaker.control.plan import plan
from infra.sagemaker.control.status import describe_endpoint

__all__ = [
    "EVERY",
    "READING",
    "DeploymentResult",
    "EndpointConfiguration",
    "Release",
    "abort",
    "capture_prefix",
    "delete_endpoint",
    "describe_endpoint",
    "find_leading_digest",
    "in_alarm",
    "is_live",
    "plan",
    "plan_configuration",
    "remove_stale_alarms",
    "require_serving",
    "roll_out",
    "update_all_at_once",
    "verify",
    "wanted_alarms",
    "with_candidate",
    "with_shadow",
]
