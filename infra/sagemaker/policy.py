"""The `[endpoint]` part of a spec: on what a model is served, and how an update reaches it."""

from typing import Annotated, Literal

from pydantic import Field

from expectations.contract import Policy

MAX_CANARY_PERCENT = 50


class EndpointPolicy(Policy):
    """Where and how a model is put behind its endpoint.

    Attributes:
        strategy: `canary` sends a share first and watches it; `all_at_once` moves everything.
        canary_percent: the share; SageMaker takes 5 to 50.
        bake_seconds: how long each step of an update is watched before the next.
        alarms: CloudWatch alarms that turn an update back while it is watched.
        image: the serving container in ECR.
        role_arn: the role under which the container reads its artefact.
        bucket: where artefacts are uploaded; made when absent.
        wait_minutes: how long a deployment may take before it is reported as unfinished.
    """

    strategy: Literal["all_at_once", "canary"] = "canary"
    canary_percent: Annotated[int, Field(ge=5, le=MAX_CANARY_PERCENT)] = 10
    bake_seconds: Annotated[int, Field(ge=0, le=3600)] = 300
    alarms: tuple[str, ...] = ()
    instance_type: Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")] = "ml.m5.large"
    instance_count: Annotated[int, Field(ge=1)] = 1
    image: str = "000000000000.dkr.ecr.us-east-1.amazonaws.com/overnight-serving:1"
    role_arn: str = "arn:aws:iam::000000000000:role/overnight-serving"
    bucket: str = "overnight-models"
    wait_minutes: Annotated[int, Field(ge=1)] = 60
