"""The role of the deploy steps, of `rollback`, `shadow`, `split` and `disagreements`.

Its actions are those that `infra.sagemaker.actions` lists, each on the names that the pipeline
gives; a new action there has no place here, and the stack cannot be made until it gets one.
"""

from collections import defaultdict

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.aws.environment import CAPTURED, Environment
from infra.aws.role import (
    ABORT_PARTS,
    LIST_BUCKET,
    OBJECTS,
    PIPELINE,
    READ_OBJECT,
    WRITE_OBJECT,
    allow,
    allow_key,
    below,
    build_role,
)
from infra.aws.scheduler import WORKERS
from infra.aws.serving import SERVICE as SERVING_SERVICE
from infra.aws.storage import Storage
from infra.aws.tracking import DECIDING, READING, Tracking, allow_tracking
from infra.sagemaker.actions import EVERY

LEDGER = "decisions"

ALARM, CONFIG, ENDPOINT, MODEL = "alarm", "config", "endpoint", "model"
BUCKET, ARTEFACT, CAPTURE, ROLE = "bucket", "artefact", "capture", "role"
METRIC = "metric"
# On what each action is allowed.
PLACES: dict[str, tuple[str, ...]] = {
    "cloudwatch:DeleteAlarms": (ALARM,),
    "cloudwatch:DescribeAlarms": (ALARM,),
    "cloudwatch:PutMetricAlarm": (ALARM,),
    "cloudwatch:PutMetricData": (METRIC,),
    "iam:PassRole": (ROLE,),
    # The bucket stands; the action is for one that was lost, under the name of this one.
    "s3:CreateBucket": (BUCKET,),
    "s3:GetObject": (ARTEFACT, CAPTURE),
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


def build_deploy_role(
    scope: Construct,
    environment: Environment,
    *,
    storage: Storage,
    serving: iam.Role,
    tracking: Tracking,
    key: kms.Key,
) -> iam.Role:
    """Make the role that endpoints are changed under."""
    room = Construct(scope, "Deployment")
    role = build_role(room, "deploy", environment, services=WORKERS)
    places = _place(scope, environment, storage=storage, serving=serving)
    grouped: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for action in EVERY:
        grouped[PLACES[action]].append(action)
    for where, actions in grouped.items():
        allow(
            role,
            "Deploy" + "And".join(place.title() for place in where),
            actions,
            [arn for place in where for arn in places[place]],
            because=METRICS if where == (METRIC,) else PIPELINE,
            conditions=CONDITIONS.get(where),
        )
    lake = storage.lake
    allow(role, "ReadLake", [READ_OBJECT], below(lake, *environment.specs), because=OBJECTS)
    ledgers = below(lake, *(f"{spec}/{LEDGER}" for spec in environment.specs))
    allow(role, "Decide", [WRITE_OBJECT, ABORT_PARTS], ledgers, because=OBJECTS)
    allow(role, "ListLake", [LIST_BUCKET], [lake.bucket_arn])
    allow_key(role, key)
    allow_tracking(role, tracking, (*READING, *DECIDING), storage=storage)
    return role


def _place(
    scope: Construct, environment: Environment, *, storage: Storage, serving: iam.Role
) -> dict[str, list[str]]:
    """The ARNs of each place, by the names that `infra.sagemaker.names` makes."""
    stack, artefacts = Stack.of(scope), storage.artefacts

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
        CAPTURE: below(artefacts, *(f"{CAPTURED}/{name}" for name in environment.endpoints)),
        ROLE: [serving.role_arn],
        METRIC: ["*"],
    }
