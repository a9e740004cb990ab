"""Log groups, made here so that each has a retention period and a key.

Also those of endpoints: SageMaker would make them itself, kept forever and under no key of ours.
"""

from dataclasses import dataclass

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.aws.environment import Environment


@dataclass(frozen=True, slots=True)
class Logs:
    """The log groups of an environment.

    Attributes:
        network: who talked with whom in the VPC.
        spark: drivers and executors.
        scheduler: Airflow's processes.
        endpoints: containers, by endpoint.
    """

    network: logs.LogGroup
    spark: logs.LogGroup
    scheduler: logs.LogGroup
    endpoints: dict[str, logs.LogGroup]


def build_logs(scope: Construct, environment: Environment, *, key: kms.Key) -> Logs:
    """Make the log groups."""
    group = Construct(scope, "Logs")

    def build(name: str, path: str) -> logs.LogGroup:
        return logs.LogGroup(
            group,
            name,
            log_group_name=path,
            encryption_key=key,
            retention=_retention(environment.log_days),
            removal_policy=RemovalPolicy.RETAIN
            if environment.is_retained
            else RemovalPolicy.DESTROY,
        )

    return Logs(
        network=build("Network", f"/overnight/{environment.name}/network"),
        spark=build("Spark", f"/overnight/{environment.name}/spark"),
        scheduler=build("Scheduler", f"/overnight/{environment.name}/scheduler"),
        endpoints={
            endpoint: build(f"Endpoint-{endpoint}", f"/aws/sagemaker/Endpoints/{endpoint}")
            for endpoint in environment.endpoints
        },
    )


def _retention(days: int) -> logs.RetentionDays:
    known = {
        30: logs.RetentionDays.ONE_MONTH,
        90: logs.RetentionDays.THREE_MONTHS,
        365: logs.RetentionDays.ONE_YEAR,
        731: logs.RetentionDays.TWO_YEARS,
    }
    if days not in known:
        raise ValueError(f"Logs can be kept {', '.join(map(str, known))} days, not {days}.")
    return known[days]
