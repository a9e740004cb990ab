import re

import pytest

from infra.aws.environment import DEV
from tests.infra.aws.names import HERE, LOOK, bucket, role_arn
from tests.infra.aws.stacks import listed, spell

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


def test_a_spec_that_is_a_prefix_of_the_bucket_already_is_refused():
    with pytest.raises(ValueError, match="mlflow is a prefix in the bucket already"):
        DEV.model_validate({**DEV.model_dump(), "specs": ("mlflow",)})
