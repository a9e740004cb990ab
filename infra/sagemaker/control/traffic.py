"""How an update moves the traffic: as SageMaker is asked for it, and as people read it."""

from typing import Any

from infra.sagemaker.policy import EndpointPolicy


def build_deployment(policy: EndpointPolicy, alarms: list[str]) -> dict[str, Any]:
    """The DeploymentConfig of an update.

    Args:
        policy: says how the traffic moves.
        alarms: names of those that turn the update back.
    """
    routing: dict[str, Any] = {
        "Type": policy.strategy.upper(),
        "WaitIntervalInSeconds": policy.bake_seconds,
    }
    if policy.strategy == "canary":
        routing["CanarySize"] = {"Type": "CAPACITY_PERCENT", "Value": policy.canary_percent}
    if policy.strategy == "linear":
        routing["LinearStepSize"] = {"Type": "CAPACITY_PERCENT", "Value": policy.linear_percent}
    deployment: dict[str, Any] = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
    if alarms:
        listed = [{"AlarmName": name} for name in alarms]
        deployment["AutoRollbackConfiguration"] = {"Alarms": listed}
    return deployment


def describe_traffic(policy: EndpointPolicy) -> str:
    """The course of an update in words."""
    bake = f"watched for {policy.bake_seconds} s"
    if policy.strategy == "canary":
        return f"canary: {policy.canary_percent} % first, {bake}, then all, {bake}"
    if policy.strategy == "linear":
        return f"linear: {policy.linear_percent} % at a time, each {bake}"
    return f"all at once, {bake}"
