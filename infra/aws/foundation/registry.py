"""The repository of the serving container's images: a tag, once set, means one image for good."""

from aws_cdk import Duration
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.aws.environment import Environment
from infra.aws.foundation.keys import removal

UNTAGGED_DAYS = 7


def build_registry(scope: Construct, environment: Environment, *, key: kms.Key) -> ecr.Repository:
    """Make the repository; images are scanned when they arrive."""
    return ecr.Repository(
        scope,
        "Registry",
        repository_name=f"{environment.prefix}-serving",
        image_tag_mutability=ecr.TagMutability.IMMUTABLE,
        image_scan_on_push=True,
        encryption=ecr.RepositoryEncryption.KMS,
        encryption_key=key,
        lifecycle_rules=[
            ecr.LifecycleRule(
                tag_status=ecr.TagStatus.UNTAGGED, max_image_age=Duration.days(UNTAGGED_DAYS)
            )
        ],
        removal_policy=removal(environment),
    )
