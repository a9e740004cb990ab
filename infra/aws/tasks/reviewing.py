"""The role of a reviewer: reads a candidate's review report and metrics, writes decisions.

What makes a decision count is the chain in the lake, so that is all a reviewer writes; models,
tables, runs' files and endpoints stay as they are.
"""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.aws.environment import TRACKED, Environment
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
    build_person_role,
)
from infra.aws.services import DECIDING, READING, Tracking

# A decision is compared with the training set that its candidate was made from.
READ = ("decisions", "training_sets")
LEDGER = "decisions"


def build_reviewer_role(
    scope: Construct,
    environment: Environment,
    *,
    storage: Storage,
    tracking: Tracking,
    key: kms.Key,
) -> iam.Role:
    """Make the role of reviewers."""
    role = build_person_role(Construct(scope, "Reviewing"), "reviewer", environment)
    lake, artefacts, specs = storage.lake, storage.artefacts, environment.specs
    read = below(lake, *(f"{spec}/{table}" for spec in specs for table in READ))
    allow(role, "ReadLake", [READ_OBJECT], read, because=OBJECTS)
    ledgers = below(lake, *(f"{spec}/{LEDGER}" for spec in specs))
    allow(role, "Decide", [WRITE_OBJECT, ABORT_PARTS], ledgers, because=OBJECTS)
    allow_listing(role, "ListLake", lake, [f"{spec}/{table}" for spec in specs for table in READ])
    calls = [f"sagemaker-mlflow:{action}" for action in (*READING, *DECIDING)]
    allow(role, "Track", calls, [tracking.arn])
    allow(role, "ReadFiles", [READ_OBJECT], below(artefacts, TRACKED), because=OBJECTS)
    allow_listing(role, "ListFiles", artefacts, [TRACKED])
    allow_key(role, key)
    return role
