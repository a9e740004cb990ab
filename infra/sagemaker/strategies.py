"""Deployment strategies: how a blue/green update shifts the traffic to the new fleet.

`STRATEGIES` is the registry. The spec's schema, the request to SageMaker, the text of a plan and
the emulator read it, so a strategy is added by an entry here, and a field of `TrafficPolicy` for
its setting.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from expectations.contract import FrozenModel

# SageMaker takes no larger first step of a canary, and no larger linear step.
MAX_STEP_PERCENT = 50
ALL_TRAFFIC_PERCENT = 100


@dataclass(frozen=True, slots=True)
class StepSize:
    """The one size that a strategy lets the user choose.

    Attributes:
        setting: key of `[endpoint]`, an attribute of `TrafficPolicy` in percent.
        member: the member of TrafficRoutingConfiguration that carries it.
    """

    setting: str
    member: str


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to shift traffic; `TrafficRoutingConfiguration` is the API's name for it.

    Attributes:
        name: value of `[endpoint] strategy`.
        routing_type: value of `Type` in the request.
        shares: from the step size in percent (100 without one) to the new fleet's share of the
            traffic after each step, in percent; rises, and ends with 100.
        step_size: None when the user has nothing to choose.
    """

    name: str
    routing_type: str
    shares: Callable[[int], tuple[int, ...]]
    step_size: StepSize | None = None


def _canary_shares(percent: int) -> tuple[int, ...]:
    return (percent, ALL_TRAFFIC_PERCENT)


def _linear_shares(percent: int) -> tuple[int, ...]:
    return (*range(percent, ALL_TRAFFIC_PERCENT, percent), ALL_TRAFFIC_PERCENT)


def _all_at_once_shares(percent: int) -> tuple[int, ...]:
    return (percent,)


STRATEGIES: Mapping[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy("all_at_once", "ALL_AT_ONCE", _all_at_once_shares),
        Strategy("canary", "CANARY", _canary_shares, StepSize("canary_percent", "CanarySize")),
        Strategy("linear", "LINEAR", _linear_shares, StepSize("linear_percent", "LinearStepSize")),
    )
}


def _known_strategy(name: str) -> str:
    if name not in STRATEGIES:
        raise ValueError(f"there is no strategy {name!r}; there are {', '.join(STRATEGIES)}")
    return name


class TrafficPolicy(FrozenModel):
    """The keys of `[endpoint]` that say how an update shifts the traffic.

    Attributes:
        strategy: a name in `STRATEGIES`: `canary` sends a share first and watches it, `linear`
            moves the traffic in equal steps, `all_at_once` in one.
        canary_percent: the first share of a canary; SageMaker takes 5 to 50.
        linear_percent: the step of a linear shift; SageMaker takes 10 to 50.
        bake_seconds: how long each step of an update is watched before the next.
    """

    strategy: Annotated[
        str,
        AfterValidator(_known_strategy),
        Field(json_schema_extra={"enum": [*STRATEGIES]}),
    ] = "canary"
    canary_percent: Annotated[int, Field(ge=5, le=MAX_STEP_PERCENT)] = 10
    linear_percent: Annotated[int, Field(ge=10, le=MAX_STEP_PERCENT)] = 25
    bake_seconds: Annotated[int, Field(ge=0, le=3600)] = 300


def strategy_of_routing(routing_type: str) -> Strategy:
    """Return the strategy with a `Type` of TrafficRoutingConfiguration.

    Raises:
        KeyError: when no strategy has it.
    """
    for strategy in STRATEGIES.values():
        if strategy.routing_type == routing_type:
            return strategy
    raise KeyError(routing_type)


def traffic_shares(policy: TrafficPolicy) -> tuple[int, ...]:
    """Return the new fleet's share of the traffic after each step of an update, in percent."""
    return STRATEGIES[policy.strategy].shares(_step_percent(policy))


def build_deployment_config(policy: TrafficPolicy, alarms: list[str]) -> dict[str, Any]:
    """Build the DeploymentConfig of UpdateEndpoint.

    Args:
        policy: says how the traffic moves.
        alarms: names of the alarms that make SageMaker roll the update back.
    """
    strategy = STRATEGIES[policy.strategy]
    routing: dict[str, Any] = {
        "Type": strategy.routing_type,
        "WaitIntervalInSeconds": policy.bake_seconds,
    }
    if strategy.step_size is not None:
        size = {"Type": "CAPACITY_PERCENT", "Value": _step_percent(policy)}
        routing[strategy.step_size.member] = size
    config: dict[str, Any] = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
    if alarms:
        listed = [{"AlarmName": name} for name in alarms]
        config["AutoRollbackConfiguration"] = {"Alarms": listed}
    return config


def describe_traffic(policy: TrafficPolicy) -> str:
    """Describe the steps of an update, for a plan.

    >>> describe_traffic(TrafficPolicy(bake_seconds=60))
    'canary: 10, 100 % of the traffic, each watched for 60 s'
    """
    shares = ", ".join(str(share) for share in traffic_shares(policy))
    each = "each " if len(traffic_shares(policy)) > 1 else ""
    name = policy.strategy.replace("_", " ")
    return f"{name}: {shares} % of the traffic, {each}watched for {policy.bake_seconds} s"


def _step_percent(policy: TrafficPolicy) -> int:
    size = STRATEGIES[policy.strategy].step_size
    return ALL_TRAFFIC_PERCENT if size is None else int(getattr(policy, size.setting))
