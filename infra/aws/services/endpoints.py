"""Permissions on the specs' endpoints: each action on the names that the pipeline gives.

A new action in `infra.sagemaker.control.actions` has no place here, and the stack cannot be made
until it gets one.
"""

from collections import defaultdict
from collections.abc import Iterable

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam

from infra.aws.environment import Environment
from infra.aws.foundation import PIPELINE, Storage, allow, below
from infra.aws.services.serving import SERVICE as SERVING_SERVICE
from infra.sagemaker.control import EVERY

ALARM, CONFIG, ENDPOINT, MODEL = "alarm", "config", "endpoint", "model"
BUCKET, ARTEFACT, ROLE, METRIC = "bucket", "artefact", "role", "metric"
# On what each action is allowed.
PLACES: dict[str, tuple[str, ...]] = {
    "cloudwatch:DeleteAlarms": (ALARM,),
    "cloudwatch:DescribeAlarms": (ALARM,),
    "cloudwatch:PutMetricAlarm": (ALARM,),
    "cloudwatch:PutMetricData": (METRIC,),
    "iam:PassRole": (ROLE,),
    # The bucket stands. If it were lost, one that the pipeline made would have no key and no rules.
    "s3:CreateBucket": (),
    "s3:GetObject": (ARTEFACT,),
    "s3:ListBucket": (BUCKET,),
    "s3:PutObject": (ARTEFACT,),
    "sagemaker:CreateEndpoint": (ENDPOINT, CONFIG),
    "sagemaker:CreateEndpointConfig": (CONFIG,),
    "sagemaker:CreateModel": (MODEL,),
    "sagemaker:DeleteEndpoint": (ENDPOINT,),
    "sagemaker:DescribeEndpoint": (ENDPOINT,),
    "sagemaker:DescribeEndpointConfig": (CONFIG,),
    "sagemaker:DescribeModel": (MODEL,),
    "sagemaker:InvokeEndpoint": (ENDPOINT,),
    "sagemaker:UpdateEndpoint": (ENDPOINT, CONFIG),
}
METRICS = "Metrics are no resources of IAM; the condition names their namespace."
CONDITIONS: dict[tuple[str, ...], dict[str, dict[str, str]]] = {
    (ROLE,): {"StringEquals": {"iam:PassedToService": SERVING_SERVICE}},
    # What stops a rollout.
    (METRIC,): {"StringEquals": {"cloudwatch:namespace": "Overnight"}},
}


def allow_reading(
    role: iam.Role, actions: Iterable[str], environment: Environment, *, storage: Storage
) -> None:
    """Let a role look at the endpoints, for the plan of a deployment."""
    _allow(role, "See", actions, _place(role, environment, storage=storage))


def allow_deploying(
    role: iam.Role, environment: Environment, *, storage: Storage, serving: iam.Role
) -> None:
    """Let a role do all that a deployment does."""
    places = _place(role, environment, storage=storage)
    _allow(role, "Deploy", EVERY, {**places, ROLE: [serving.role_arn], METRIC: ["*"]})


def _allow(role: iam.Role, verb: str, actions: Iterable[str], places: dict[str, list[str]]) -> None:
    grouped: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for action in actions:
        grouped[PLACES[action]].append(action)
    grouped.pop((), None)
    for where, listed in grouped.items():
        allow(
            role,
            verb + "And".join(place.title() for place in where),
            listed,
            [arn for place in where for arn in places[place]],
            because=METRICS if where == (METRIC,) else PIPELINE,
            conditions=CONDITIONS.get(where),
        )


def _place(role: iam.Role, environment: Environment, *, storage: Storage) -> dict[str, list[str]]:
    """Return the ARNs of each place, by the names that `infra.sagemaker.names` makes."""
    stack, artefacts = Stack.of(role), storage.artefacts

    def named(kind: str, end: str = "") -> list[str]:
        return [
            stack.format_arn(service="sagemaker", resource=kind, resource_name=f"{endpoint}{end}")
            for endpoint in environment.endpoints
        ]

    alarms = [
        stack.format_arn(
            service="cloudwatch",
            resource="alarm",
            resource_name=f"{endpoint}-*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        for endpoint in environment.endpoints
    ]
    return {
        ALARM: alarms,
        CONFIG: named("endpoint-config", "-*"),
        ENDPOINT: named("endpoint"),
        MODEL: named("model", "-*"),
        BUCKET: [artefacts.bucket_arn],
        ARTEFACT: below(artefacts, *environment.endpoints),
    }
