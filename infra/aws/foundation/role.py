"""Builders of IAM roles: trust policies, and statements for the lake and its key."""

from collections.abc import Iterable, Mapping, Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.aws.acknowledgement import acknowledge_nag
from infra.aws.environment import Environment

READ_OBJECT, WRITE_OBJECT, LIST_BUCKET = "s3:GetObject", "s3:PutObject", "s3:ListBucket"
# delta-rs and Spark write large files in parts, and give up what fails.
ABORT_PARTS = "s3:AbortMultipartUpload"
USE_KEY = ("kms:Decrypt", "kms:GenerateDataKey")
# Why statements on objects end in an asterisk.
OBJECTS = "Object names are made from days and digests; the prefix says whose they are."
STREAMS = "Log streams are named by their processes; the group says whose they are."
PIPELINE = "The pipeline ends names with digests; the beginning is the endpoint's."

Conditions = Mapping[str, Mapping[str, str | list[str]]]


def build_role(
    scope: Construct, purpose: str, environment: Environment, *, services: Sequence[str]
) -> iam.Role:
    """Make a role that services of AWS take, on behalf of this account only.

    Args:
        scope: where it stands.
        purpose: the last part of its name.
        environment: the first part.
        services: whose processes take it, `sagemaker.amazonaws.com`.
    """
    account = {"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}}
    principals = [iam.ServicePrincipal(service).with_conditions(account) for service in services]
    return _build(scope, purpose, environment, iam.CompositePrincipal(*principals))


def build_person_role(scope: Construct, purpose: str, environment: Environment) -> iam.Role:
    """Make a role that people of this account take who may, and signed in with a second factor."""
    factor = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    people = iam.AccountPrincipal(Stack.of(scope).account).with_conditions(factor)
    return _build(scope, purpose, environment, people)


def _build(
    scope: Construct, purpose: str, environment: Environment, taken_by: iam.IPrincipal
) -> iam.Role:
    return iam.Role(
        scope,
        purpose.title(),
        role_name=f"{environment.prefix}-{purpose}",
        description=f"{environment.prefix}: {purpose}",
        assumed_by=taken_by,
    )


def allow(
    role: iam.Role,
    sid: str,
    actions: Iterable[str],
    resources: Iterable[str],
    *,
    because: str = "",
    conditions: Conditions | None = None,
) -> None:
    """Allow actions on resources, in a statement with a name.

    Args:
        role: who may.
        sid: the statement's name.
        actions: `s3:GetObject`.
        resources: their ARNs.
        because: why a resource that ends in an asterisk cannot be named more exactly.
        conditions: of IAM, by operator and key.

    Raises:
        ValueError: when there is an asterisk and no reason.
    """
    listed = list(resources)
    statement = iam.PolicyStatement(
        sid=sid, actions=sorted(actions), resources=listed, conditions=conditions
    )
    role.add_to_policy(statement)
    wild = [spelled for spelled in (_spell(role, arn) for arn in listed) if "*" in spelled]
    if wild and not because:
        raise ValueError(f"{sid} allows {wild[0]}; say because of what, or name it exactly.")
    acknowledge_nag(role, {f"AwsSolutions-IAM5[Resource::{arn}]": because for arn in wild})


def _spell(role: iam.Role, arn: str) -> str:
    """Return an ARN as cdk-nag prints it: `<AWS::Region>` for a value known only in an account."""
    resolved = Stack.of(role).resolve(arn)
    if isinstance(resolved, str):
        return resolved
    parts = resolved["Fn::Join"][1] if "Fn::Join" in resolved else [resolved]
    return "".join(part if isinstance(part, str) else _spell_token(part) for part in parts)


def _spell_token(token: Mapping[str, str | list[str]]) -> str:
    (value,) = token.values()
    return f"<{value if isinstance(value, str) else '.'.join(value)}>"


def allow_key(role: iam.Role, key: kms.Key) -> None:
    """Allow a role to use a key through S3 only."""
    via = f"s3.{Stack.of(role).region}.amazonaws.com"
    allow(
        role,
        "Key",
        USE_KEY,
        [key.key_arn],
        conditions={"StringEquals": {"kms:ViaService": via}},
    )


def allow_listing(role: iam.Role, sid: str, bucket: s3.Bucket, prefixes: Sequence[str]) -> None:
    """Allow a role to list the given prefixes of a bucket."""
    within = {"StringLike": {"s3:prefix": [f"{prefix}/*" for prefix in prefixes]}}
    allow(role, sid, [LIST_BUCKET], [bucket.bucket_arn], conditions=within)


def below(bucket: s3.Bucket, *prefixes: str) -> list[str]:
    """Return the ARNs of all objects under prefixes."""
    return [bucket.arn_for_objects(f"{prefix}/*") for prefix in prefixes]
