"""Alarm notifications: one SNS topic and the events that are sent to it.

The alarms on an endpoint are the pipeline's, made with each deployment; this module
only sends their changes to the topic, so that no deployment needs to know it.
"""

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.aws.environment import Environment
from infra.aws.foundation import USE_KEY, allow, build_role
from infra.aws.services.compute import Compute

SERVICE = "events.amazonaws.com"


def build_alarms(
    scope: Construct, environment: Environment, *, compute: Compute, key: kms.Key
) -> sns.Topic:
    """Make the topic and its sources: alarms in ALARM, endpoints and Spark jobs that failed."""
    group = Construct(scope, "Alarms")
    topic = sns.Topic(
        group,
        "Topic",
        topic_name=f"{environment.prefix}-alarms",
        master_key=key,
        enforce_ssl=True,
    )
    # Under a role: the topic need not trust a service, which could act for another account.
    role = build_role(group, "herald", environment, services=[SERVICE])
    allow(role, "Tell", ["sns:Publish"], [topic.topic_arn])
    allow(role, "Key", USE_KEY, [key.key_arn])
    target = targets.SnsTopic(topic, role=role.without_policy_updates())
    _send_all(group, environment, target, compute=compute)
    return topic


def _send_all(
    group: Construct, environment: Environment, target: events.IRuleTarget, *, compute: Compute
) -> None:
    named = [{"prefix": f"{endpoint}-"} for endpoint in environment.endpoints]
    _tell(
        group,
        "InAlarm",
        target,
        source="aws.cloudwatch",
        kind="CloudWatch Alarm State Change",
        detail={"alarmName": named, "state": {"value": ["ALARM"]}},
    )
    _tell(
        group,
        "Endpoint",
        target,
        source="aws.sagemaker",
        kind="SageMaker Endpoint State Change",
        detail={
            "EndpointName": list(environment.endpoints),
            "EndpointStatus": ["FAILED", "UPDATE_ROLLBACK_FAILED"],
        },
    )
    _tell(
        group,
        "Job",
        target,
        source="aws.emr-serverless",
        kind="EMR Serverless Job Run State Change",
        detail={
            "applicationId": [compute.application.attr_application_id],
            "state": ["FAILED"],
        },
    )


def _tell(
    scope: Construct,
    name: str,
    target: events.IRuleTarget,
    *,
    source: str,
    kind: str,
    detail: dict[str, object],
) -> None:
    pattern = events.EventPattern(source=[source], detail_type=[kind], detail=detail)
    events.Rule(scope, name, event_pattern=pattern, targets=[target])
