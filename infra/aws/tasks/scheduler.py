"""Roles of Airflow's own processes.

Amazon's managed Airflow does not offer 3.3, so Airflow runs as services of ECS on Fargate, from an
image of this code base: API server, scheduler, triggerer and DAG processor under the role made
here, and one Celery worker for each step group, whose task role is that group's.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.aws.environment import Environment
from infra.aws.foundation import STREAMS, USE_KEY, allow, build_role

SERVICE = "ecs-tasks.amazonaws.com"
# Who takes the roles of step groups.
WORKERS = (SERVICE,)


@dataclass(frozen=True, slots=True)
class Scheduler:
    """The roles of Airflow itself.

    Attributes:
        role: of its processes: no table, no model, no endpoint.
        launch: under which ECS pulls images, hands secrets in and writes logs.
    """

    role: iam.Role
    launch: iam.Role


def build_scheduler(
    scope: Construct,
    environment: Environment,
    *,
    log: logs.LogGroup,
    secrets: Iterable[secretsmanager.Secret],
    key: kms.Key,
) -> Scheduler:
    """Make both roles."""
    group = Construct(scope, "Scheduler")
    role = build_role(group, "scheduler", environment, services=[SERVICE])
    launch = build_role(group, "launch", environment, services=[SERVICE])
    streams = ["logs:CreateLogStream", "logs:PutLogEvents"]
    for each in (role, launch):
        allow(each, "Log", streams, [f"{log.log_group_arn}:*"], because=STREAMS)
    arns = [secret.secret_arn for secret in secrets]
    allow(launch, "HandSecretsIn", ["secretsmanager:GetSecretValue"], arns)
    allow(launch, "OpenSecrets", [USE_KEY[0]], [key.key_arn])
    return Scheduler(role, launch)
