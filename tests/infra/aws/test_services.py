from tests.infra.aws.stacks import spell
from tests.infra.aws.test_storage import key_of


def test_models_configs_and_endpoints_are_the_pipelines(template):
    for kind in ("Model", "EndpointConfig", "Endpoint"):
        template.resource_count_is(f"AWS::SageMaker::{kind}", 0)
    # CloudWatch alarms on models come and go with deployments.
    template.resource_count_is("AWS::CloudWatch::Alarm", 0)


def test_spark_stops_when_idle_and_has_an_upper_limit(stack):
    (application,) = stack.found("AWS::EMRServerless::Application").values()
    minutes = {"dev": 5, "prod": 15}[stack.environment.name]
    assert application["AutoStartConfiguration"] == {"Enabled": True}
    assert application["AutoStopConfiguration"] == {
        "Enabled": True,
        "IdleTimeoutMinutes": minutes,
    }
    assert (
        application["MaximumCapacity"]
        == {
            "dev": {"Cpu": "32 vCPU", "Memory": "128 GB"},
            "prod": {"Cpu": "256 vCPU", "Memory": "1024 GB"},
        }[stack.environment.name]
    )


def test_spark_runs_in_the_private_subnets_and_its_logs_are_encrypted(stack):
    (application,) = stack.found("AWS::EMRServerless::Application").values()
    network = application["NetworkConfiguration"]
    assert {spell(s) for s in network["SubnetIds"]} == {
        f"<{name}>" for name in stack.found("AWS::EC2::Subnet")
    }
    work = stack.named("AWS::EC2::SecurityGroup", "GroupDescription", "Spark and the scheduler")
    assert [spell(group) for group in network["SecurityGroupIds"]] == [f"<{work}.GroupId>"]
    logging = application["MonitoringConfiguration"]["CloudWatchLoggingConfiguration"]
    assert logging["Enabled"] is True
    assert spell(logging["EncryptionKeyArn"]) == key_of(stack, "logs")


def test_the_tracking_server_keeps_its_files_among_the_artefacts(stack):
    (server,) = stack.found("AWS::SageMaker::MlflowTrackingServer").values()
    named = f"{stack.environment.prefix}-artefacts-<AWS::AccountId>"
    artefacts = stack.named("AWS::S3::Bucket", "BucketName", named)
    assert spell(server["ArtifactStoreUri"]) == f"s3://<{artefacts}>/mlflow"
    assert spell(server["RoleArn"]) == f"<{stack.roles()['tracking']}.Arn>"
    assert server["AutomaticModelRegistration"] is True


def test_the_topic_is_encrypted_and_refuses_what_is_not_tls(stack):
    ((name, topic),) = stack.found("AWS::SNS::Topic").items()
    assert spell(topic["KmsMasterKeyId"]) == key_of(stack, "logs")
    (policy,) = stack.found("AWS::SNS::TopicPolicy").values()
    denied = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
    assert [s["Condition"] for s in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]
    assert spell(denied[0]["Resource"]) == f"<{name}>"


def test_people_hear_of_ringing_alarms_failed_endpoints_and_failed_jobs(stack):
    ((topic, _),) = stack.found("AWS::SNS::Topic").items()
    rules = list(stack.found("AWS::Events::Rule").values())
    assert {rule["EventPattern"]["detail-type"][0] for rule in rules} == {
        "CloudWatch Alarm State Change",
        "EMR Serverless Job Run State Change",
        "SageMaker Endpoint State Change",
    }
    targets = [target for rule in rules for target in rule["Targets"]]
    assert {spell(target["Arn"]) for target in targets} == {f"<{topic}>"}
    assert {spell(t["RoleArn"]) for t in targets} == {f"<{stack.roles()['herald']}.Arn>"}
    assert stack.resources("herald", "Tell") == {f"<{topic}>"}
    assert stack.actions("herald") == {"kms:Decrypt", "kms:GenerateDataKey", "sns:Publish"}
    (ringing,) = [r for r in rules if r["EventPattern"]["source"] == ["aws.cloudwatch"]]
    names = [{"prefix": f"{endpoint}-"} for endpoint in stack.environment.endpoints]
    detail = ringing["EventPattern"]["detail"]
    assert detail == {"alarmName": names, "state": {"value": ["ALARM"]}}


def test_no_service_may_write_to_the_topic_by_itself(stack):
    (policy,) = stack.found("AWS::SNS::TopicPolicy").values()
    assert not [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]


def test_keys_are_used_by_services_of_this_account_only(stack):
    for key in stack.found("AWS::KMS::Key").values():
        for statement in key["KeyPolicy"]["Statement"]:
            if "Service" in statement["Principal"]:
                assert statement["Condition"]
            else:
                assert "<AWS::AccountId>:root" in spell(statement["Principal"]["AWS"])
