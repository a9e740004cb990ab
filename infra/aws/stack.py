"""The stack of one environment: its constructs in order of dependency, and its outputs."""

from aws_cdk import CfnOutput, DefaultStackSynthesizer, Stack, Tags
from constructs import Construct

from infra.aws.environment import Environment
from infra.aws.foundation import (
    build_credentials,
    build_keys,
    build_logs,
    build_network,
    build_registry,
    build_storage,
)
from infra.aws.services import build_alarms, build_compute, build_serving_role, build_tracking
from infra.aws.tasks import (
    build_deploy_role,
    build_nightly_role,
    build_reviewer_role,
    build_scheduler,
)


def build_stack(app: Construct, environment: Environment) -> Stack:
    """Make the stack of an environment; account and region are those it is deployed to.

    It holds no model, endpoint config or endpoint: those are the pipeline's, and change every
    night without anybody who may change a stack.
    """
    stack = Stack(
        app,
        environment.prefix,
        description=f"Overnight, {environment.name}",
        termination_protection=environment.is_retained,
        # Without files beside the template it needs nothing that stands in the account before.
        synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
    )
    for name, value in _build_constructs(stack, environment).items():
        # A construct may have the same name.
        CfnOutput(stack, f"{name}Address", value=value).override_logical_id(name)
    Tags.of(stack).add("overnight:environment", environment.name)
    return stack


def _build_constructs(stack: Stack, environment: Environment) -> dict[str, str]:
    """Make every construct; return the outputs that people and the pipeline need."""
    keys = build_keys(stack, environment)
    logs = build_logs(stack, environment, key=keys.logs)
    network = build_network(stack, environment, log=logs.network)
    storage = build_storage(stack, environment, key=keys.data)
    registry = build_registry(stack, environment, key=keys.data)
    credentials = build_credentials(stack, environment, key=keys.data)
    compute = build_compute(
        stack,
        environment,
        network=network,
        storage=storage,
        key=keys.data,
        log=logs.spark,
        log_key=keys.logs,
    )
    serving = build_serving_role(
        stack,
        environment,
        network=network,
        storage=storage,
        registry=registry,
        logs=logs,
        key=keys.data,
    )
    tracking = build_tracking(stack, environment, storage=storage, key=keys.data)
    nightly = build_nightly_role(
        stack, environment, storage=storage, compute=compute, tracking=tracking, key=keys.data
    )
    deploy = build_deploy_role(
        stack, environment, storage=storage, serving=serving, tracking=tracking, key=keys.data
    )
    reviewer = build_reviewer_role(
        stack, environment, storage=storage, tracking=tracking, key=keys.data
    )
    scheduler = build_scheduler(
        stack,
        environment,
        log=logs.scheduler,
        secrets=credentials.secrets.values(),
        key=keys.data,
    )
    topic = build_alarms(stack, environment, compute=compute, key=keys.logs)
    return {
        "Lake": f"s3://{storage.lake.bucket_name}",
        "Artefacts": storage.artefacts.bucket_name,
        "Images": registry.repository_uri,
        "SparkApplication": compute.application.attr_application_id,
        "SparkRole": compute.role.role_arn,
        "TrackingServer": tracking.arn,
        "ServingRole": serving.role_arn,
        "NightlyRole": nightly.role_arn,
        "DeployRole": deploy.role_arn,
        "ReviewerRole": reviewer.role_arn,
        "SchedulerRole": scheduler.role.role_arn,
        "LaunchRole": scheduler.launch.role_arn,
        "DataKey": keys.data.key_arn,
        "Subnets": ",".join(network.subnets),
        "SecurityGroup": network.work.security_group_id,
        "AlarmTopic": topic.topic_arn,
    }
