"""The buckets: lake, artefacts, and the access logs of both.

The lake holds transactions; artefacts are models, what endpoints captured, and MLflow's files.
"""

from dataclasses import dataclass

from aws_cdk import Duration, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.aws.acknowledgement import acknowledge_checkov
from infra.aws.environment import CAPTURED, Environment
from infra.aws.foundation.keys import removal

UNFINISHED_DAYS = 7
ACCESS_DAYS = 365
TLS = 1.2


@dataclass(frozen=True, slots=True)
class Storage:
    """The buckets of an environment."""

    lake: s3.Bucket
    artefacts: s3.Bucket


def build_storage(scope: Construct, environment: Environment, *, key: kms.Key) -> Storage:
    """Make the buckets: versioned, encrypted under the key, TLS only, never public."""
    group = Construct(scope, "Storage")
    access = _build_access(group, environment)

    def build(name: str, *rules: s3.LifecycleRule) -> s3.Bucket:
        return s3.Bucket(
            group,
            name.title(),
            bucket_name=_named(group, environment, name),
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            versioned=True,
            enforce_ssl=True,
            minimum_tls_version=TLS,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=access,
            server_access_logs_prefix=f"{name}/",
            lifecycle_rules=[_tidying(environment), *rules],
            removal_policy=removal(environment),
        )

    captured = s3.LifecycleRule(
        id="captured",
        prefix=f"{CAPTURED}/",
        expiration=Duration.days(environment.captured_days),
    )
    return Storage(lake=build("lake"), artefacts=build("artefacts", captured))


def _build_access(group: Construct, environment: Environment) -> s3.Bucket:
    bucket = s3.Bucket(
        group,
        "Access",
        bucket_name=_named(group, environment, "access"),
        # S3 delivers its access logs to no bucket with a key of ours.
        encryption=s3.BucketEncryption.S3_MANAGED,
        versioned=True,
        enforce_ssl=True,
        minimum_tls_version=TLS,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        lifecycle_rules=[
            _tidying(environment),
            s3.LifecycleRule(id="access", expiration=Duration.days(ACCESS_DAYS)),
        ],
        removal_policy=removal(environment),
    )
    acknowledge_checkov(
        bucket, {"CKV_AWS_18": "It receives the access logs; its own would go round in a circle."}
    )
    return bucket


def _tidying(environment: Environment) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        id="superseded",
        noncurrent_version_expiration=Duration.days(environment.superseded_days),
        abort_incomplete_multipart_upload_after=Duration.days(UNFINISHED_DAYS),
    )


def _named(scope: Construct, environment: Environment, name: str) -> str:
    """Return a bucket name with the account in it: bucket names are global."""
    return f"{environment.prefix}-{name}-{Stack.of(scope).account}"
