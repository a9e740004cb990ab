"""The keys that encrypt what is stored: one for data, one for logs and messages.

Two, because whoever reads the logs of a run must not thereby be able to read transactions.
"""

from dataclasses import dataclass

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.aws.environment import Environment

GRACE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of an environment.

    Attributes:
        data: buckets, images, secrets.
        logs: log groups, and the topic of alarms.
    """

    data: kms.Key
    logs: kms.Key


def build_keys(scope: Construct, environment: Environment) -> Keys:
    """Make both keys; AWS makes new key material each year."""
    room = Construct(scope, "Keys")
    data, logs = (_build_key(room, purpose, environment) for purpose in ("data", "logs"))
    stack = Stack.of(scope)
    logs.grant_encrypt_decrypt(
        iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com").with_conditions(
            {
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": stack.format_arn(
                        service="logs",
                        resource="log-group",
                        resource_name="*",
                        arn_format=ArnFormat.COLON_RESOURCE_NAME,
                    )
                }
            }
        )
    )
    return Keys(data, logs)


def _build_key(scope: Construct, purpose: str, environment: Environment) -> kms.Key:
    return kms.Key(
        scope,
        purpose.title(),
        alias=f"{environment.prefix}-{purpose}",
        description=f"{environment.prefix}: {purpose}",
        enable_key_rotation=True,
        pending_window=Duration.days(GRACE_DAYS),
        removal_policy=removal(environment),
    )


def removal(environment: Environment) -> RemovalPolicy:
    """What becomes of things that hold data when the stack is deleted."""
    return RemovalPolicy.RETAIN if environment.is_retained else RemovalPolicy.DESTROY
