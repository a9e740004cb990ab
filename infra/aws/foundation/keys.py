"""The keys that encrypt what is stored: one for data, one for logs and messages.

Two keys, because the right to read logs must not include the right to read transactions.
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
    group = Construct(scope, "Keys")
    data, logs = (_build_key(group, purpose, environment) for purpose in ("data", "logs"))
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
    """Return the removal policy of resources that hold data, applied when a stack is deleted."""
    return RemovalPolicy.RETAIN if environment.is_retained else RemovalPolicy.DESTROY
