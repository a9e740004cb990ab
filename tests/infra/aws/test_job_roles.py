"""Permissions of the roles of nights, containers and Spark."""

from tests.infra.aws.names import HERE, LOOK, bucket

# SageMaker's guide, "Give SageMaker AI Hosted Endpoints Access to Resources in Your Amazon VPC".
STAND = {
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
}


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


def test_the_nightly_role_deletes_nothing_but_what_it_asked_of_jobs_and_what_is_derived(stack):
    deleting = {a for a in stack.actions("nightly") if "Delete" in a}
    assert deleting == {"s3:DeleteObject", "sagemaker-mlflow:DeleteRegisteredModelAlias"}
    lake = bucket(stack, "lake")
    assert stack.resources("nightly", "ForgetJobs") == {
        f"{lake}/{spec}/{name}/*"
        for spec in stack.environment.specs
        # Of jobs, and what is derived of tables and can be made again.
        for name in (
            "features/.jobs",
            "features/.earlier-*",
            "transactions/_ids",
            "transactions/.delivery-*",
            "profiles",
            "*/.damage",
        )
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


def test_spark_writes_features_and_what_it_ingests_and_reads_nothing_of_deployments(stack):
    lake, artefacts = bucket(stack, "lake"), bucket(stack, "artefacts")
    specs = stack.environment.specs
    assert stack.resources("spark", "BuildFeatures") == {f"{lake}/{s}/features/*" for s in specs}
    filed = {f"{lake}/{s}/{table}/*" for s in specs for table in ("transactions", "labels")}
    assert stack.resources("spark", "FileDeliveries") == filed
    earlier = {f"{lake}/{s}/features/.earlier-*/*" for s in specs}
    assert stack.resources("spark", "DropEarlier") == earlier
    assert stack.resources("spark", "ReadLake") == {f"{lake}/{s}/*" for s in specs}
    assert stack.resources("spark", "ReadCode") == {f"{artefacts}/code/*"}
