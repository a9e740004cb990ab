"""The control plane: what stands at an endpoint and how it changes."""

from infra.sagemaker.control.actions import EVERY, READING
from infra.sagemaker.control.alarms import remove_stale_alarms, ringing, wanted_alarms
from infra.sagemaker.control.configuration import (
    Layout,
    Release,
    capture_prefix,
    plan_layout,
    with_candidate,
    with_shadow,
)
from infra.sagemaker.control.deployment import (
    DeploymentResult,
    find_leading_digest,
    is_live,
    put_at_once,
    require_serving,
    roll_out,
    take_down,
    turn_back,
    verify,
)
from infra.sagemaker.control.plan import plan
from infra.sagemaker.control.status import describe_endpoint

__all__ = [
    "EVERY",
    "READING",
    "DeploymentResult",
    "Layout",
    "Release",
    "capture_prefix",
    "describe_endpoint",
    "find_leading_digest",
    "is_live",
    "plan",
    "plan_layout",
    "put_at_once",
    "remove_stale_alarms",
    "require_serving",
    "ringing",
    "roll_out",
    "take_down",
    "turn_back",
    "verify",
    "wanted_alarms",
    "with_candidate",
    "with_shadow",
]
