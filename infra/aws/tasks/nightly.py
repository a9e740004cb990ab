"""The role of the nightly steps, from `ingest` to `register`: lake, Spark, MLflow.

Endpoints are only read: a review report says what a deployment would change.
"""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.aws.environment import Environment
from infra.aws.foundation import (
    ABORT_PARTS,
    OBJECTS,
    READ_OBJECT,
    WRITE_OBJECT,
    Storage,
    allow,
    allow_key,
    allow_listing,
    below,
    build_role,
)
from infra.aws.services import (
    DECIDING,
    LOGGING,
    READING,
    Compute,
    Tracking,
    allow_reading,
    allow_tracking,
)
from infra.aws.services import SERVICE as SPARK_SERVICE
from infra.aws.tasks.scheduler import WORKERS
from infra.sagemaker.control import READING as LOOKING

DELETE_OBJECT = "s3:DeleteObject"
# As `pipelines.features.execution` names it.
PASSING = (".jobs", ".earlier-*")
DERIVED = ("transactions/_ids", "transactions/.delivery-*", "profiles", "*/.damage")
START = ("emr-serverless:GetApplication", "emr-serverless:ListJobRuns",
         "emr-serverless:StartApplication", "emr-serverless:StartJobRun")  # fmt: skip
FOLLOW = ("emr-serverless:CancelJobRun", "emr-serverless:GetJobRun")


def build_nightly_role(
    scope: Construct,
    environment: Environment,
    *,
    storage: Storage,
    compute: Compute,
    tracking: Tracking,
    key: kms.Key,
) -> iam.Role:
    """Make the role of the nightly tasks."""
    group = Construct(scope, "Nightly")
    role = build_role(group, "nightly", environment, services=WORKERS)
    lake = storage.lake
    written = [READ_OBJECT, WRITE_OBJECT, ABORT_PARTS]
    allow(role, "Lake", written, below(lake, *environment.specs), because=OBJECTS)
    allow_listing(role, "ListLake", lake, environment.specs)
    # What a submitted job was asked by and answered with, and the parts of the first of two passes,
    # go once the features are committed. Of tables only what is derived is deleted: merged runs of
    # the id index, rows on their way through a job that ingests them, profiles that are made anew,
    # notes of damage that is repaired.
    passing = [f"{spec}/features/{name}" for spec in environment.specs for name in PASSING]
    passing += [f"{spec}/{name}" for spec in environment.specs for name in DERIVED]
    allow(role, "ForgetJobs", [DELETE_OBJECT], below(lake, *passing), because=OBJECTS)
    allow_reading(role, LOOKING, environment, storage=storage)
    allow_key(role, key)
    stack = Stack.of(scope)
    application = stack.format_arn(
        service="emr-serverless",
        resource="/applications",
        resource_name=compute.application.attr_application_id,
    )
    allow(role, "StartJobs", START, [application])
    because = "Jobs are numbered by EMR; the application is ours."
    allow(role, "FollowJobs", FOLLOW, [f"{application}/jobruns/*"], because=because)
    allow(
        role,
        "PassJobRole",
        ["iam:PassRole"],
        [compute.role.role_arn],
        conditions={"StringEquals": {"iam:PassedToService": SPARK_SERVICE}},
    )
    calls = (*READING, *LOGGING, *DECIDING)
    allow_tracking(role, tracking, calls, storage=storage)
    return role
