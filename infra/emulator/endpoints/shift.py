"""How an update moves traffic: the steps of a DeploymentConfig, and when it may not go on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.emulator.protocol import invalid

MAX_CANARY_PERCENT = 50


@dataclass(frozen=True, slots=True)
class Shift:
    """An update's course.

    Attributes:
        shares: the new fleet's share of the traffic at each step, ending with 1.
        wait_seconds: how long each step is watched before the next.
        linger_seconds: how long the old fleet is kept after the last.
        alarms: CloudWatch alarms that turn the update back.
    """

    shares: tuple[float, ...]
    wait_seconds: float
    linger_seconds: float
    alarms: tuple[str, ...]


def read_shift(deployment: Mapping[str, Any] | None) -> Shift:
    """Read a DeploymentConfig; without one, all traffic moves at once and nothing is watched.

    Raises:
        ServiceError: when a canary or step is of a size that SageMaker refuses.
    """
    if not deployment:
        return Shift((1.0,), 0.0, 0.0, ())
    policy = deployment.get("BlueGreenUpdatePolicy")
    if policy is None:
        raise invalid("The embedded SageMaker has blue/green updates only, not rolling ones.")
    routing = policy["TrafficRoutingConfiguration"]
    rollback = deployment.get("AutoRollbackConfiguration", {})
    return Shift(
        shares=_shares(routing),
        wait_seconds=float(routing["WaitIntervalInSeconds"]),
        linger_seconds=float(policy.get("TerminationWaitInSeconds", 0)),
        alarms=tuple(alarm["AlarmName"] for alarm in rollback.get("Alarms", [])),
    )


def _shares(routing: Mapping[str, Any]) -> tuple[float, ...]:
    kind = routing["Type"]
    if kind == "ALL_AT_ONCE":
        return (1.0,)
    key = "CanarySize" if kind == "CANARY" else "LinearStepSize"
    if key not in routing:
        raise invalid(f"{key} is required for the traffic routing type {kind}.")
    size = routing[key]
    if size["Type"] != "CAPACITY_PERCENT":
        raise invalid("The embedded SageMaker sizes shifts by CAPACITY_PERCENT only.")
    if size["Value"] > MAX_CANARY_PERCENT:
        raise invalid(f"{key} must be at most {MAX_CANARY_PERCENT} percent, got {size['Value']}.")
    step = size["Value"] / 100
    if kind == "CANARY":
        return (step, 1.0)
    return tuple(min(1.0, step * number) for number in range(1, int(-(-1 // step)) + 1))
