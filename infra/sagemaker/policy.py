"""The `[endpoint]` part of a spec: on what a model is served, and how an update reaches it."""

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from expectations.contract import FrozenModel
from infra.sagemaker.strategies import TrafficPolicy

KEY = r"^(arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:(key|alias)/|alias/)?[a-zA-Z0-9/_-]+$"

Subnet = Annotated[str, Field(pattern="^subnet-[0-9a-f]+$")]
SecurityGroup = Annotated[str, Field(pattern="^sg-[0-9a-f]+$")]


class AlarmPolicy(FrozenModel):
    """`[endpoint.watch]`: limits that roll an update back while it is watched; `inf` turns one off.

    Attributes:
        error_rate: share of requests that the endpoint answered with a 5xx.
        p99_ms: 99th percentile of the model's latency.
        score_shift: population stability index of the scores against those of training.
        alert_rate_factor: by how many times the alert rate may differ from training's, upwards or
            downwards, beyond what chance explains.
        missing_shift: by how much the share of missing values of any feature may exceed training's,
            beyond what chance explains.
        periods: minutes in a row that a limit has to be crossed.
    """

    # NaN is refused all the same: it is above nothing.
    model_config = ConfigDict(allow_inf_nan=True)

    error_rate: Annotated[float, Field(gt=0)] = 0.01
    p99_ms: Annotated[float, Field(gt=0)] = 500.0
    score_shift: Annotated[float, Field(gt=0)] = 0.25
    alert_rate_factor: Annotated[float, Field(gt=1)] = 3.0
    missing_shift: Annotated[float, Field(gt=0)] = 0.2
    periods: Annotated[int, Field(ge=1, le=60)] = 1


class EndpointPolicy(TrafficPolicy):
    """`[endpoint]`: machines, network and alarms of an endpoint, and how an update reaches it.

    Attributes:
        watch: limits of the alarms that the deployment makes.
        alarms: further CloudWatch alarms, which exist already, that roll an update back.
        capture_percent: share of requests and answers that is kept in the bucket; 0 for none.
        instance_type: of the machines that serve.
        instance_count: of the machines that serve.
        image: the serving container in ECR.
        role_arn: the role under which the container reads its artefact.
        bucket: where artefacts and captured requests are; made when absent.
        subnets: of the VPC that the containers stand in; none: SageMaker's own network.
        security_groups: of the containers in these subnets.
        kms_key: id, ARN or alias of the key under which machines' disks and captured requests are
            encrypted; None leaves that to SageMaker and the bucket. Machines with disks of their
            own (m5d, g5) take none.
        wait_minutes: how long a deployment may take before it is reported as unfinished.
    """

    watch: AlarmPolicy = AlarmPolicy()
    alarms: Annotated[tuple[str, ...], Field(max_length=4)] = ()
    capture_percent: Annotated[int, Field(ge=0, le=100)] = 100
    instance_type: Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")] = "ml.m5.large"
    instance_count: Annotated[int, Field(ge=1)] = 1
    image: str = "000000000000.dkr.ecr.us-east-1.amazonaws.com/overnight-serving:1"
    role_arn: str = "arn:aws:iam::000000000000:role/overnight-serving"
    bucket: str = "overnight-models"
    subnets: Annotated[tuple[Subnet, ...], Field(max_length=16)] = ()
    security_groups: Annotated[tuple[SecurityGroup, ...], Field(max_length=5)] = ()
    kms_key: Annotated[str, Field(pattern=KEY)] | None = None
    wait_minutes: Annotated[int, Field(ge=1)] = 60

    @model_validator(mode="after")
    def _stand_in_a_network(self) -> "EndpointPolicy":
        if bool(self.subnets) != bool(self.security_groups):
            given, absent = sorted(
                ("subnets", "security_groups"), key=lambda n: not getattr(self, n)
            )
            raise ValueError(f"{given} are given and no {absent}; a VPC takes both or neither")
        return self
