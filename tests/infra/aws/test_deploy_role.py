"""Permissions of the role that deploys."""

import re

from infra.sagemaker.control.actions import EVERY
from tests.infra.aws.names import HERE, bucket, role_arn
from tests.infra.aws.stacks import listed, spell


def test_the_deploy_role_may_do_what_deployments_need_and_keep_the_ledger(stack):
    statements = stack.statements("deploy")
    deploying = {
        action
        for sid, statement in statements.items()
        if sid.startswith("Deploy")
        for action in listed(statement["Action"])
    }
    # The bucket stands; one that the pipeline made would have no key and no rules.
    assert deploying == set(EVERY) - {"s3:CreateBucket"}
    rest = {a for a in stack.actions("deploy") - deploying if not a.startswith("sagemaker-mlflow:")}
    assert rest == {
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:GenerateDataKey",
        "s3:AbortMultipartUpload",
    }


def test_a_deployment_grants_the_data_key_to_services_of_aws_only(stack):
    grant = stack.statements("deploy")["GrantKey"]
    assert grant["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    (key,) = stack.resources("deploy", "GrantKey")
    assert key == spell(stack.statements("deploy")["Key"]["Resource"])


def test_the_deploy_role_writes_metrics_of_the_platform_only(stack):
    statement = stack.statements("deploy")["DeployMetric"]
    assert statement["Action"] == "cloudwatch:PutMetricData"
    assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": "Overnight"}}


def test_the_deploy_role_reaches_the_endpoints_of_its_specs_only(stack):
    names = {"dev": ["demo"], "prod": ["demo", "handbook"]}[stack.environment.name]
    arn = f"arn:<AWS::Partition>:sagemaker:{HERE}"
    reached = {
        spell(resource)
        for sid, statement in stack.statements("deploy").items()
        if sid.startswith("Deploy") and sid != "DeployMetric"
        for resource in listed(statement["Resource"])
    }
    artefacts = bucket(stack, "artefacts")
    expected = {artefacts, role_arn(stack, "serving")}
    for name in names:
        expected |= {
            f"{arn}:endpoint/{name}",
            f"{arn}:endpoint-config/{name}-*",
            f"{arn}:model/{name}-*",
            f"arn:<AWS::Partition>:cloudwatch:{HERE}:alarm:{name}-*",
            f"{artefacts}/{name}/*",
            f"{artefacts}/captured/{name}/*",
        }
    assert reached == expected


def test_a_deployment_writes_artefacts_and_decisions_and_nothing_else(stack):
    written = {
        spell(resource)
        for statement in stack.statements("deploy").values()
        if "s3:PutObject" in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }
    lake, artefacts = bucket(stack, "lake"), bucket(stack, "artefacts")
    expected = {f"{artefacts}/mlflow/*"}
    for spec in stack.environment.specs:
        expected |= {f"{artefacts}/{spec}/*", f"{lake}/{spec}/decisions/*"}
    assert written == expected


def test_a_deployment_logs_no_run_and_registers_no_model(stack):
    making = {a for a in stack.actions("deploy") if re.match(r"sagemaker-mlflow:(Create|Log)", a)}
    assert making == set()
