"""Reading a DeploymentConfig: the traffic shares of an update's steps, its waits and alarms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.emulator.protocol import invalid
from infra.sagemaker import (
    ALL_TRAFFIC_PERCENT,
    MAX_STEP_PERCENT,
    strategy_of_routing,
)


@dataclass(frozen=True, slots=True)
class Shift:
    """The steps of an update.

    Attributes:
        shares: the new fleet's share of the traffic at each step, ending with 1.
        wait_seconds: bake time of each step.
        linger_seconds: time for which the old fleet is kept after the last step.
        alarms: CloudWatch alarms that roll the update back.
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
    strategy = strategy_of_routing(routing["Type"])
    if strategy.step_size is None:
        percent = ALL_TRAFFIC_PERCENT
    else:
        percent = _step_percent(routing, strategy.step_size.member)
    return tuple(share / ALL_TRAFFIC_PERCENT for share in strategy.shares(percent))


def _step_percent(routing: Mapping[str, Any], member: str) -> int:
    if member not in routing:
        raise invalid(f"{member} is required for the traffic routing type {routing['Type']}.")
    size = routing[member]
    if size["Type"] != "CAPACITY_PERCENT":
        raise invalid("The embedded SageMaker sizes shifts by CAPACITY_PERCENT only.")
    percent = int(size["Value"])
    if percent > MAX_STEP_PERCENT:
        raise invalid(f"{member} must be at most {MAX_STEP_PERCENT} percent, got {percent}.")
    return percent
