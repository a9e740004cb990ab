"""What the serving container runs under. Models, configs and endpoints are the pipeline's."""

from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.aws.environment import CAPTURED, Environment
from infra.aws.logs import Logs
from infra.aws.role import (
    OBJECTS,
    READ_OBJECT,
    STREAMS,
    WRITE_OBJECT,
    allow,
    allow_key,
    below,
    build_role,
)
from infra.aws.storage import Storage
from infra.sagemaker.artifact import FILE

SERVICE = "sagemaker.amazonaws.com"
# Of SageMaker itself, and of the container (`infra.serving.metrics`).
NAMESPACES = ("AWS/SageMaker", "/aws/sagemaker/Endpoints", "Overnight")


def build_serving_role(
    scope: Construct,
    environment: Environment,
    *,
    storage: Storage,
    registry: ecr.Repository,
    logs: Logs,
    key: kms.Key,
) -> iam.Role:
    """Make the execution role: pull the image, read a model, write logs, metrics and capture."""
    room = Construct(scope, "Serving")
    role = build_role(room, "serving", environment, services=[SERVICE])
    artefacts, endpoints = storage.artefacts, environment.endpoints
    models = [artefacts.arn_for_objects(f"{endpoint}/*/{FILE}") for endpoint in endpoints]
    captured = [f"{CAPTURED}/{endpoint}" for endpoint in endpoints]
    allow(role, "ReadModel", [READ_OBJECT], models, because=OBJECTS)
    allow(role, "Capture", [WRITE_OBJECT], below(artefacts, *captured), because=OBJECTS)
    allow_key(role, key)
    allow(
        role,
        "PullImage",
        ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        [registry.repository_arn],
    )
    because = "IAM knows no single resource for this action."
    allow(role, "LogIn", ["ecr:GetAuthorizationToken"], ["*"], because=because)
    groups = [f"{group.log_group_arn}:*" for group in logs.endpoints.values()]
    told = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    allow(role, "Log", told, groups, because=STREAMS)
    allow(
        role,
        "Measure",
        ["cloudwatch:PutMetricData"],
        ["*"],
        because="Metrics are no resources of IAM; the condition names their namespaces.",
        conditions={"StringEquals": {"cloudwatch:namespace": list(NAMESPACES)}},
    )
    return role
