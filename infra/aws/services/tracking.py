"""The managed MLflow server, its role, and the permissions of our roles on it."""

from collections.abc import Iterable
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
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
    build_role,
)

SERVICE = "sagemaker.amazonaws.com"
MAINTENANCE = "Sun:12:00"  # UTC; no nightly run and no change window is at that time

# What `pipelines.tracking.registry`, `pipelines.tracking.runs` and
# `pipelines.tracking.logged_model` call.
READING = (
    "GetDownloadURIForModelVersionArtifacts", "GetExperiment", "GetExperimentByName",
    "GetLoggedModel", "GetMetricHistory", "GetModelVersion", "GetModelVersionByAlias",
    "GetRegisteredModel", "GetRun", "ListArtifacts", "ListLoggedModelArtifacts",
    "SearchLoggedModels", "SearchModelVersions", "SearchRegisteredModels", "SearchRuns",
)  # fmt: skip
LOGGING = (
    "CreateExperiment", "CreateModelVersion", "CreateRegisteredModel", "CreateRun",
    "FinalizeLoggedModel", "LogBatch", "LogInputs", "LogLoggedModelParams", "LogMetric", "LogModel",
    "LogOutputs", "SetTag", "UpdateRun",
)  # fmt: skip
# Both the nightly run and a deployment reconcile aliases with the decision log.
DECIDING = (
    "DeleteRegisteredModelAlias", "SetModelVersionTag", "SetRegisteredModelAlias",
    "SetRegisteredModelTag", "UpdateModelVersion",
)  # fmt: skip
# The server mirrors registered models into SageMaker's own registry.
PACKAGING = (
    "sagemaker:AddTags", "sagemaker:CreateModelPackage", "sagemaker:CreateModelPackageGroup",
    "sagemaker:DescribeModelPackageGroup", "sagemaker:UpdateModelPackage",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tracking:
    """The tracking server.

    Attributes:
        arn: what `MLFLOW_TRACKING_URI` is set to.
        role: what the server itself works under.
    """

    server: sagemaker.CfnMlflowTrackingServer
    arn: str
    role: iam.Role


def build_tracking(
    scope: Construct, environment: Environment, *, storage: Storage, key: kms.Key
) -> Tracking:
    """Make the server, with its files under a prefix of the artefacts."""
    group = Construct(scope, "Tracking")
    stack = Stack.of(scope)
    role = build_role(group, "tracking", environment, services=[SERVICE])
    _allow_files(role, storage)
    allow_key(role, key)
    groups = [
        stack.format_arn(service="sagemaker", resource=kind, resource_name=f"{spec}*")
        for kind in ("model-package-group", "model-package")
        for spec in (*environment.specs, *environment.endpoints)
    ]
    because = "MLflow ends the names of its groups itself; the beginning is the spec's."
    allow(role, "Package", PACKAGING, dict.fromkeys(groups), because=because)
    server = sagemaker.CfnMlflowTrackingServer(
        group,
        "Server",
        tracking_server_name=environment.prefix,
        tracking_server_size=environment.mlflow_size,
        mlflow_version=environment.mlflow_version,
        artifact_store_uri=f"s3://{storage.artefacts.bucket_name}/{TRACKED}",
        role_arn=role.role_arn,
        automatic_model_registration=True,
        weekly_maintenance_window_start=MAINTENANCE,
    )
    # It tries its permissions when it is made.
    server.node.add_dependency(role.node.find_child("DefaultPolicy"))
    arn = stack.format_arn(
        service="sagemaker", resource="mlflow-tracking-server", resource_name=environment.prefix
    )
    return Tracking(server, arn, role)


def allow_tracking(
    role: iam.Role, tracking: Tracking, actions: Iterable[str], *, storage: Storage
) -> None:
    """Let a role call the server, and read or write the files of runs."""
    allow(role, "Track", [f"sagemaker-mlflow:{action}" for action in actions], [tracking.arn])
    _allow_files(role, storage)


def _allow_files(role: iam.Role, storage: Storage) -> None:
    """Allow files of runs, which MLflow's clients read and write without the server."""
    touched = [READ_OBJECT, WRITE_OBJECT, ABORT_PARTS]
    allow(role, "TrackFiles", touched, below(storage.artefacts, TRACKED), because=OBJECTS)
    allow_listing(role, "ListFiles", storage.artefacts, [TRACKED])
