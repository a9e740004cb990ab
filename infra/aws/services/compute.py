"""Spark: an EMR Serverless application, and the role of the jobs in it."""

from dataclasses import dataclass

from aws_cdk import aws_emrserverless as emr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.aws.environment import CODE, Environment
from infra.aws.foundation import (
    ABORT_PARTS,
    OBJECTS,
    READ_OBJECT,
    STREAMS,
    WRITE_OBJECT,
    Network,
    Storage,
    allow,
    allow_key,
    allow_listing,
    below,
    build_role,
)

SERVICE = "emr-serverless.amazonaws.com"
# Of the parts of the first of two passes, and nothing else.
DELETE_OBJECT = "s3:DeleteObject"
# Tables whose data files a job writes that ingests a delivery; the step commits them.
FILED = ("transactions", "labels")


@dataclass(frozen=True, slots=True)
class Compute:
    """The EMR Serverless application that runs feature jobs and ingestions of many rows.

    Attributes:
        application: of EMR Serverless.
        role: what a job may do; it is passed to the job when that is started.
    """

    application: emr.CfnApplication
    role: iam.Role


def build_compute(
    scope: Construct,
    environment: Environment,
    *,
    network: Network,
    storage: Storage,
    key: kms.Key,
    log: logs.LogGroup,
    log_key: kms.Key,
) -> Compute:
    """Make the application, and the role of its jobs."""
    group = Construct(scope, "Compute")
    application = _build_application(group, environment, network=network, log=log, log_key=log_key)
    role = build_role(group, "spark", environment, services=[SERVICE])
    _allow_jobs(role, environment, storage=storage, log=log)
    allow_key(role, key)
    return Compute(application, role)


def _build_application(
    group: Construct,
    environment: Environment,
    *,
    network: Network,
    log: logs.LogGroup,
    log_key: kms.Key,
) -> emr.CfnApplication:
    """Declare the application: starts with a job, stops when idle, has an upper limit."""
    return emr.CfnApplication(
        group,
        "Application",
        name=environment.prefix,
        type="SPARK",
        release_label=environment.emr_release,
        auto_start_configuration={"enabled": True},
        auto_stop_configuration={
            "enabled": True,
            "idleTimeoutMinutes": environment.idle_minutes,
        },
        maximum_capacity={
            "cpu": f"{environment.max_vcpus} vCPU",
            "memory": f"{environment.max_memory_gb} GB",
        },
        network_configuration={
            "subnetIds": network.subnets,
            "securityGroupIds": [network.work.security_group_id],
        },
        monitoring_configuration={
            "cloudWatchLoggingConfiguration": {
                "enabled": True,
                "logGroupName": log.log_group_name,
                "encryptionKeyArn": log_key.key_arn,
            }
        },
    )


def _allow_jobs(
    role: iam.Role, environment: Environment, *, storage: Storage, log: logs.LogGroup
) -> None:
    specs = environment.specs
    lake, artefacts = storage.lake, storage.artefacts
    allow(role, "ReadLake", [READ_OBJECT], below(lake, *specs), because=OBJECTS)
    features = below(lake, *(f"{spec}/features" for spec in specs))
    allow(role, "BuildFeatures", [WRITE_OBJECT, ABORT_PARTS], features, because=OBJECTS)
    filed = below(lake, *(f"{spec}/{table}" for spec in specs for table in FILED))
    allow(role, "FileDeliveries", [WRITE_OBJECT, ABORT_PARTS], filed, because=OBJECTS)
    earlier = below(lake, *(f"{spec}/features/.earlier-*" for spec in specs))
    allow(role, "DropEarlier", [DELETE_OBJECT], earlier, because=OBJECTS)
    allow(role, "ReadCode", [READ_OBJECT], below(artefacts, CODE), because=OBJECTS)
    allow_listing(role, "ListLake", lake, specs)
    allow_listing(role, "ListCode", artefacts, [CODE])
    actions = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    allow(role, "Log", actions, [f"{log.log_group_arn}:*"], because=STREAMS)
    because = "IAM knows no single log group for this action."
    allow(role, "FindLog", ["logs:DescribeLogGroups"], ["*"], because=because)
