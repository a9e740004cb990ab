"""The role of the deploy steps, of `rollback`, `shadow`, `split` and `disagreements`.

Its actions on endpoints are those that `infra.sagemaker.control.actions` lists.
"""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.aws.environment import CAPTURED, Environment
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
from infra.aws.services import DECIDING, READING, Tracking, allow_deploying, allow_tracking
from infra.aws.tasks.scheduler import WORKERS

LEDGER = "decisions"


def build_deploy_role(
    scope: Construct,
    environment: Environment,
    *,
    storage: Storage,
    serving: iam.Role,
    tracking: Tracking,
    key: kms.Key,
) -> iam.Role:
    """Make the role of the deployment tasks."""
    group = Construct(scope, "Deployment")
    role = build_role(group, "deploy", environment, services=WORKERS)
    lake, artefacts = storage.lake, storage.artefacts
    allow_deploying(role, environment, storage=storage, serving=serving)
    captured = [f"{CAPTURED}/{endpoint}" for endpoint in environment.endpoints]
    allow(role, "DeployCaptured", [READ_OBJECT], below(artefacts, *captured), because=OBJECTS)
    allow(role, "ReadLake", [READ_OBJECT], below(lake, *environment.specs), because=OBJECTS)
    ledgers = below(lake, *(f"{spec}/{LEDGER}" for spec in environment.specs))
    allow(role, "Decide", [WRITE_OBJECT, ABORT_PARTS], ledgers, because=OBJECTS)
    allow_listing(role, "ListLake", lake, environment.specs)
    allow_key(role, key)
    # For [endpoint] kms_key: SageMaker opens the disks of machines under a grant of the key.
    allow(role, "SeeKey", ["kms:DescribeKey"], [key.key_arn])
    service = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    allow(role, "GrantKey", ["kms:CreateGrant"], [key.key_arn], conditions=service)
    allow_tracking(role, tracking, (*READING, *DECIDING), storage=storage)
    return role
