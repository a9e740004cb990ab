"""The serving container's role. The pipeline makes models, endpoint configs and endpoints."""

from aws_cdk import Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.aws.environment import CAPTURED, Environment
from infra.aws.foundation import (
    OBJECTS,
    READ_OBJECT,
    STREAMS,
    WRITE_OBJECT,
    Logs,
    Network,
    Storage,
    allow,
    allow_key,
    below,
    build_role,
)
from infra.sagemaker import FILE

SERVICE = "sagemaker.amazonaws.com"
# What SageMaker does under this role to stand a container in a subnet of ours: it makes an
# interface there, hands it to its machine, and looks.
STAND = "ec2:CreateNetworkInterface"
HAND = (
    "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
)  # fmt: skip
LOOK = (
    "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets", "ec2:DescribeVpcs",
)  # fmt: skip
# Of SageMaker itself, and of the container (`infra.serving.telemetry.metrics`).
NAMESPACES = ("AWS/SageMaker", "/aws/sagemaker/Endpoints", "Overnight")


def build_serving_role(
    scope: Construct,
    environment: Environment,
    *,
    network: Network,
    storage: Storage,
    registry: ecr.Repository,
    logs: Logs,
    key: kms.Key,
) -> iam.Role:
    """Make the execution role: pull the image, read a model, write logs, metrics and capture."""
    group = Construct(scope, "Serving")
    role = build_role(group, "serving", environment, services=[SERVICE])
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
    _allow_standing(role, network)
    groups = [f"{group.log_group_arn}:*" for group in logs.endpoints.values()]
    actions = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    allow(role, "Log", actions, groups, because=STREAMS)
    allow(
        role,
        "Measure",
        ["cloudwatch:PutMetricData"],
        ["*"],
        because="Metrics are no resources of IAM; the condition names their namespaces.",
        conditions={"StringEquals": {"cloudwatch:namespace": list(NAMESPACES)}},
    )
    return role


def _allow_standing(role: iam.Role, network: Network) -> None:
    """Allow network interfaces in our subnets under our security group only."""

    def named(kind: str, name: str) -> str:
        return Stack.of(role).format_arn(service="ec2", resource=kind, resource_name=name)

    interfaces = named("network-interface", "*")
    within = [named("subnet", subnet) for subnet in network.subnets]
    within.append(named("security-group", network.work.security_group_id))
    because = "SageMaker numbers the interfaces; subnets and group say where they may be."
    allow(role, "StandInSubnets", [STAND], [interfaces, *within], because=because)
    because = "SageMaker numbers the interfaces, and makes them under this role."
    allow(role, "HandInterfaces", HAND, [interfaces], because=because)
    because = "IAM knows no resource for looking at a network."
    allow(role, "LookAtNetwork", LOOK, ["*"], because=because)
