import re

import pytest

from infra.aws.environment import DEV
from infra.sagemaker.control.actions import EVERY
from tests.infra.aws.stacks import listed, spell

HERE = "<AWS::Region>:<AWS::AccountId>"
# SageMaker's guide, "Give SageMaker AI Hosted Endpoints Access to Resources in Your Amazon VPC".
STAND = {
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
}
LOOK = {
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
}
SERVICES = {
    "spark": {"emr-serverless.amazonaws.com"},
    "serving": {"sagemaker.amazonaws.com"},
    "tracking": {"sagemaker.amazonaws.com"},
    "nightly": {"ecs-tasks.amazonaws.com"},
    "deploy": {"ecs-tasks.amazonaws.com"},
    "scheduler": {"ecs-tasks.amazonaws.com"},
    "launch": {"ecs-tasks.amazonaws.com"},
    "herald": {"events.amazonaws.com"},
}


def bucket(stack, name):
    named = f"{stack.environment.prefix}-{name}-<AWS::AccountId>"
    return f"<{stack.named('AWS::S3::Bucket', 'BucketName', named)}.Arn>"


def role_arn(stack, purpose):
    return f"<{stack.roles()[purpose]}.Arn>"


def test_each_role_is_taken_by_one_service_on_behalf_of_this_account(stack):
    roles = stack.found("AWS::IAM::Role")
    assert set(stack.roles()) == {*SERVICES, "reviewer"}
    for purpose, name in stack.roles().items():
        if purpose == "reviewer":
            continue
        (statement,) = roles[name]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Action"] == "sts:AssumeRole"
        assert {statement["Principal"]["Service"]} == SERVICES[purpose]
        own = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        assert statement["Condition"] == {"StringEquals": own}


def test_a_reviewer_is_a_person_of_this_account_with_a_second_factor(stack):
    role = stack.found("AWS::IAM::Role")[stack.roles()["reviewer"]]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    account = "arn:<AWS::Partition>:iam::<AWS::AccountId>:root"
    assert spell(statement["Principal"]["AWS"]) == account
    assert statement["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def test_a_reviewer_writes_decisions_and_touches_no_model_run_or_endpoint(stack):
    lake = bucket(stack, "lake")
    written = {
        spell(resource)
        for statement in stack.statements("reviewer").values()
        if "s3:PutObject" in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }
    assert written == {f"{lake}/{spec}/decisions/*" for spec in stack.environment.specs}
    services = {action.partition(":")[0] for action in stack.actions("reviewer")}
    assert services == {"kms", "s3", "sagemaker-mlflow"}
    assert not {a for a in stack.actions("reviewer") if re.search(":(Create|Log)", a)}


def test_roles_have_no_policies_but_those_written_here(stack):
    for role in stack.found("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role
        assert "Policies" not in role


def test_no_action_of_a_role_has_an_asterisk(stack):
    for purpose in stack.roles():
        assert not [action for action in stack.actions(purpose) if "*" in action]


def test_resources_are_all_of_a_kind_only_where_iam_knows_no_other(stack):
    found = {
        (purpose, action)
        for purpose in stack.roles()
        for statement in stack.statements(purpose).values()
        if "*" in listed(statement["Resource"])
        for action in listed(statement["Action"])
    }
    assert found == {
        ("deploy", "cloudwatch:PutMetricData"),
        ("serving", "cloudwatch:PutMetricData"),
        *(("serving", action) for action in LOOK),
        ("serving", "ecr:GetAuthorizationToken"),
        ("spark", "logs:DescribeLogGroups"),
    }


def test_a_role_may_be_passed_only_to_the_service_that_it_is_for(stack):
    passed = {}
    for purpose in stack.roles():
        for statement in stack.statements(purpose).values():
            if "iam:PassRole" in listed(statement["Action"]):
                assert statement["Action"] == "iam:PassRole"
                resource = spell(statement["Resource"])
                passed[purpose] = (resource, statement["Condition"])
    to = {name: {"StringEquals": {"iam:PassedToService": name}} for name in (
        "sagemaker.amazonaws.com", "emr-serverless.amazonaws.com",
    )}  # fmt: skip
    assert passed == {
        "deploy": (role_arn(stack, "serving"), to["sagemaker.amazonaws.com"]),
        "nightly": (role_arn(stack, "spark"), to["emr-serverless.amazonaws.com"]),
    }


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


def test_the_nightly_role_looks_at_endpoints_and_changes_none(stack):
    services = {action.partition(":")[0] for action in stack.actions("nightly")}
    looking = {"cloudwatch", "sagemaker"}
    assert services == {"emr-serverless", "iam", "kms", "s3", "sagemaker-mlflow", *looking}
    assert {a for a in stack.actions("nightly") if a.partition(":")[0] in looking} == {
        "cloudwatch:DescribeAlarms",
        "sagemaker:DescribeEndpoint",
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:DescribeModel",
    }
    assert {a for a in stack.actions("nightly") if a.startswith("emr-serverless:")} == {
        "emr-serverless:CancelJobRun",
        "emr-serverless:GetApplication",
        "emr-serverless:GetJobRun",
        "emr-serverless:ListJobRuns",
        "emr-serverless:StartApplication",
        "emr-serverless:StartJobRun",
    }


def test_the_nightly_role_deletes_nothing_but_what_it_asked_of_jobs(stack):
    deleting = {a for a in stack.actions("nightly") if "Delete" in a}
    assert deleting == {"s3:DeleteObject", "sagemaker-mlflow:DeleteRegisteredModelAlias"}
    lake = bucket(stack, "lake")
    assert stack.resources("nightly", "ForgetJobs") == {
        f"{lake}/{spec}/features/{name}/*"
        for spec in stack.environment.specs
        for name in (".jobs", ".earlier-*")
    }


def test_the_container_reads_models_and_writes_what_it_was_asked(stack):
    assert stack.actions("serving") == {
        *STAND,
        *LOOK,
        "cloudwatch:PutMetricData",
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogStream",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
        "s3:GetObject",
        "s3:PutObject",
    }
    artefacts, names = bucket(stack, "artefacts"), stack.environment.endpoints
    models = {f"{artefacts}/{name}/*/model.tar.gz" for name in names}
    assert stack.resources("serving", "ReadModel") == models
    assert stack.resources("serving", "Capture") == {
        f"{artefacts}/captured/{name}/*" for name in names
    }
    measure = stack.statements("serving")["Measure"]["Condition"]
    assert "Overnight" in measure["StringEquals"]["cloudwatch:namespace"]


def test_containers_stand_in_the_subnets_and_the_group_of_their_environment_only(stack):
    arn = f"arn:<AWS::Partition>:ec2:{HERE}"
    interfaces = f"{arn}:network-interface/*"
    (group,) = [name for name in stack.found("AWS::EC2::SecurityGroup") if "Work" in name]
    assert stack.resources("serving", "StandInSubnets") == {
        interfaces,
        f"{arn}:security-group/<{group}.GroupId>",
        *(f"{arn}:subnet/<{subnet}>" for subnet in stack.found("AWS::EC2::Subnet")),
    }
    assert stack.resources("serving", "HandInterfaces") == {interfaces}


def test_spark_writes_features_and_reads_nothing_of_deployments(stack):
    lake, artefacts = bucket(stack, "lake"), bucket(stack, "artefacts")
    specs = stack.environment.specs
    assert stack.resources("spark", "BuildFeatures") == {f"{lake}/{s}/features/*" for s in specs}
    earlier = {f"{lake}/{s}/features/.earlier-*/*" for s in specs}
    assert stack.resources("spark", "DropEarlier") == earlier
    assert stack.resources("spark", "ReadLake") == {f"{lake}/{s}/*" for s in specs}
    assert stack.resources("spark", "ReadCode") == {f"{artefacts}/code/*"}


def test_roles_list_their_own_prefixes_and_only_a_deployment_the_bucket_that_it_makes_sure_of(
    stack,
):
    lists = {}
    for purpose in stack.roles():
        for sid, statement in stack.statements(purpose).items():
            if "s3:ListBucket" in listed(statement["Action"]):
                within = statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix")
                lists.setdefault(purpose, {})[sid] = within and listed(within)
    specs = stack.environment.specs
    lake, files = [f"{spec}/*" for spec in specs], ["mlflow/*"]
    ledger = [f"{spec}/{table}/*" for spec in specs for table in ("decisions", "training_sets")]
    assert lists == {
        "nightly": {"ListLake": lake, "ListFiles": files},
        "deploy": {"ListLake": lake, "ListFiles": files, "DeployBucket": None},
        "reviewer": {"ListLake": ledger, "ListFiles": files},
        "spark": {"ListLake": lake, "ListCode": ["code/*"]},
        "tracking": {"ListFiles": files},
    }


def test_the_scheduler_itself_reaches_no_data(stack):
    assert stack.actions("scheduler") == {"logs:CreateLogStream", "logs:PutLogEvents"}


def test_secrets_are_read_by_what_starts_airflow_only(stack):
    readers = {p for p in stack.roles() if "secretsmanager:GetSecretValue" in stack.actions(p)}
    assert readers == {"launch"}
    secrets = {f"<{name}>" for name in stack.found("AWS::SecretsManager::Secret")}
    assert stack.resources("launch", "HandSecretsIn") == secrets


@pytest.mark.parametrize(
    "purpose", ["spark", "serving", "tracking", "nightly", "deploy", "reviewer"]
)
def test_the_data_key_is_used_through_s3_only(stack, purpose):
    statement = stack.statements(purpose)["Key"]
    via = statement["Condition"]["StringEquals"]["kms:ViaService"]
    assert spell(via) == "s3.<AWS::Region>.amazonaws.com"


def test_only_the_tracking_server_makes_model_packages_and_only_of_its_specs(stack):
    packagers = {
        purpose
        for purpose in stack.roles()
        if any("ModelPackage" in action for action in stack.actions(purpose))
    }
    assert packagers == {"tracking"}
    arn = f"arn:<AWS::Partition>:sagemaker:{HERE}"
    assert stack.resources("tracking", "Package") == {
        f"{arn}:{kind}/{spec}*"
        for kind in ("model-package", "model-package-group")
        for spec in stack.environment.specs
    }


def test_roles_call_the_tracking_server_of_their_environment(stack):
    server = f"mlflow-tracking-server/{stack.environment.prefix}"
    for purpose in ("nightly", "deploy", "reviewer"):
        (resource,) = stack.resources(purpose, "Track")
        assert resource == f"arn:<AWS::Partition>:sagemaker:{HERE}:{server}"


def test_a_deployment_logs_no_run_and_registers_no_model(stack):
    making = {a for a in stack.actions("deploy") if re.match(r"sagemaker-mlflow:(Create|Log)", a)}
    assert making == set()


def test_a_spec_that_is_a_prefix_of_the_bucket_already_is_refused():
    with pytest.raises(ValueError, match="mlflow is a prefix in the bucket already"):
        DEV.model_validate({**DEV.model_dump(), "specs": ("mlflow",)})
