"""Armed faults strike the calls they name, and no others."""

import contextlib
import json
import threading
import time
import urllib.error

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.infra.bundles import make_instances
from tests.infra.embedded_server import wait_for
from tests.infra.emulator.clients import blue_green

INSTANCES = make_instances(3, seed=5)
pytestmark = pytest.mark.usefixtures("aws")
ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=2)


@pytest.fixture(autouse=True)
def disarmed(server):
    yield
    server.ask("DELETE", "/faults")


@pytest.fixture
def impatient(server):  # noqa: ARG001
    """Makes clients that try once and wait for two seconds."""
    made = []

    def make(service):
        made.append(boto3.client(service, config=ONCE))
        return made[-1]

    yield make
    for client in made:
        client.close()


def arm(server, **fault):
    return server.ask("POST", "/faults", {"kind": "api", **fault})


CALLS = [
    ("s3", "s3", "HeadBucket", {"Bucket": "models"}),
    ("s3", "s3", "CreateBucket", {"Bucket": "another"}),
    ("s3", "s3", "HeadObject", {"Bucket": "models", "Key": "v1"}),
    ("s3", "s3", "GetObject", {"Bucket": "models", "Key": "a/b c"}),
    ("s3", "s3", "PutObject", {"Bucket": "models", "Key": "a/b", "Body": b"x" * 100_000}),
    ("s3", "s3", "ListObjectsV2", {"Bucket": "models"}),
    ("s3", "s3", "DeleteObject", {"Bucket": "models", "Key": "a"}),
    ("cloudwatch", "monitoring", "DescribeAlarms", {}),
    ("cloudwatch", "monitoring", "PutMetricAlarm", {
        "AlarmName": "a", "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold",
    }),
    ("sts", "sts", "GetCallerIdentity", {}),
    ("iam", "iam", "SimulatePrincipalPolicy", {
        "PolicySourceArn": "arn:aws:iam::123456789012:role/r", "ActionNames": ["s3:GetObject"],
    }),
    ("sagemaker", "sagemaker", "DescribeEndpoint", {"EndpointName": "e"}),
    ("sagemaker-runtime", "sagemaker-runtime", "InvokeEndpoint", {
        "EndpointName": "e", "Body": b"",
    }),
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_an_armed_error_is_what_boto3_raises(server, impatient, call):
    client, service, operation, parameters = call
    arm(server, service=service, operation=operation, code="SlowDown", status=503, message="no <&>")
    api = impatient(client)
    method = getattr(api, _snake(operation))
    with pytest.raises(ClientError) as caught:
        method(**parameters)
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 503
    # A HEAD has no body to name the error in.
    code = "503" if "Head" in operation else "SlowDown"
    assert response["Error"]["Code"] == code
    if code == "SlowDown":
        assert response["Error"]["Message"] == "no <&>"
    assert server.ask("GET", "/faults") == []


def test_a_fault_strikes_after_its_skips_and_as_often_as_told(server, impatient):
    arm(server, service="sagemaker", operation="ListModels", times=2, skip=1)
    api = impatient("sagemaker")
    outcomes = []
    for _ in range(4):
        try:
            api.list_models()
            outcomes.append("done")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])
    assert outcomes == ["done", "ThrottlingException", "ThrottlingException", "done"]


@pytest.mark.parametrize("call", [CALLS[4], CALLS[7], CALLS[11]])
def test_a_dropped_call_ends_without_an_answer(server, impatient, call):
    client, service, operation, parameters = call
    arm(server, service=service, operation=operation, effect="drop")
    with pytest.raises(ConnectionClosedError):
        getattr(impatient(client), _snake(operation))(**parameters)


def test_a_call_whose_reply_is_lost_was_done(server, aws, impatient):
    arm(server, service="s3", operation="PutObject", effect="lost_reply")
    with pytest.raises(ConnectionClosedError):
        impatient("s3").put_object(Bucket="models", Key="lost", Body=b"kept")
    assert aws.s3.get_object(Bucket="models", Key="lost")["Body"].read() == b"kept"
    arm(server, service="sagemaker", operation="CreateModel", effect="lost_reply")
    container = {"Image": "i", "ModelDataUrl": "s3://models/v1"}
    with pytest.raises(ConnectionClosedError):
        impatient("sagemaker").create_model(ModelName="lost", PrimaryContainer=container)
    assert aws.sagemaker.describe_model(ModelName="lost")["PrimaryContainer"] == container


@pytest.mark.parametrize("service", ["sagemaker", "s3"])
def test_a_call_that_hangs_ends_when_the_faults_are_cleared(server, aws, service):
    arm(server, service=service, effect="hang", times=None)
    call = aws.sagemaker.list_models if service == "sagemaker" else aws.s3.list_buckets
    ended = []
    waiting = threading.Thread(target=lambda: ended.append(call()))
    waiting.start()
    time.sleep(0.5)
    assert not ended
    server.ask("DELETE", "/faults")
    waiting.join(timeout=10)
    # boto3 tried again by itself.
    assert len(ended) == 1


@pytest.mark.parametrize("call", [CALLS[0], CALLS[12]])
def test_a_call_that_hangs_outlasts_the_patience_of_its_client(server, impatient, call):
    client, service, operation, parameters = call
    arm(server, service=service, operation=operation, effect="hang")
    with pytest.raises(ReadTimeoutError):
        getattr(impatient(client), _snake(operation))(**parameters)


def test_a_fault_that_cannot_be_armed_names_every_problem(server):
    with pytest.raises(urllib.error.HTTPError) as caught:
        server.ask("POST", "/faults", [
            {"kind": "api", "service": "s3", "effect": "explode", "times": 0},
            {"kind": "flood"},
        ])  # fmt: skip
    with caught.value as answer:
        assert answer.status == 400
        message = json.load(answer)["error"]
    assert "0.api.effect: Input should be 'error', 'hang', 'lost_reply' or 'drop'" in message
    assert "0.api.times: Input should be greater than or equal to 1" in message
    assert "1: Input tag 'flood'" in message


def test_each_call_is_noted_with_whether_it_may_change_something(server, aws):
    server.ask("DELETE", "/calls")
    aws.sagemaker.list_endpoints()
    aws.s3.put_object(Bucket="models", Key="noted", Body=b"x")
    aws.s3.get_object(Bucket="models", Key="noted")["Body"].read()
    aws.cloudwatch.describe_alarms()
    aws.cloudwatch.delete_alarms(AlarmNames=["none"])
    noted = [(c["service"], c["operation"], c["mutating"]) for c in server.ask("GET", "/calls")]
    assert noted == [
        ("sagemaker", "ListEndpoints", False),
        ("s3", "PutObject", True),
        ("s3", "GetObject", False),
        ("monitoring", "DescribeAlarms", False),
        ("monitoring", "DeleteAlarms", True),
    ]


def test_each_call_is_noted_with_its_caller_and_what_it_names(server, aws):
    aws.s3.put_object(Bucket="models", Key="day=1/x", Body=b"x")
    server.ask("DELETE", "/calls")
    aws.s3.get_object(Bucket="models", Key="day=1/x")["Body"].read()
    aws.s3.list_objects_v2(Bucket="models", Prefix="day=")
    aws.s3.delete_objects(Bucket="models", Delete={"Objects": [{"Key": "a&b"}, {"Key": "day=1/x"}]})
    aws.cloudwatch.describe_alarms(AlarmNames=["one", "two"])
    aws.cloudwatch.put_metric_data(Namespace="Overnight", MetricData=[])
    aws.sagemaker.list_endpoints(NameContains="x")
    with contextlib.suppress(ClientError):
        aws.sagemaker.describe_endpoint(EndpointName="none")
    noted = [(c["caller"], c["resources"]) for c in server.ask("GET", "/calls")]
    assert noted == [
        ("test", ["models/day=1/x"]),
        ("test", ["models?day="]),
        ("test", ["models/a&b", "models/day=1/x"]),
        ("test", ["AlarmNames:one", "AlarmNames:two"]),
        ("test", ["Namespace:Overnight"]),
        ("test", []),
        ("test", ["EndpointName:none"]),
    ]


@pytest.mark.parametrize(
    ("kind", "words"),
    [("insufficient_capacity", "InsufficientInstanceCapacity"), ("start_failure", "health check")],
)
def test_a_fleet_that_does_not_come_up_fails_a_creation_and_turns_an_update_back(
    server, aws, kind, words
):
    name = kind.replace("_", "-")
    server.ask("POST", "/faults", {"kind": kind, "endpoint": name, "skip": 0, "times": 1})
    found = aws.create(name, "v1")
    assert (found["EndpointStatus"], words in found["FailureReason"]) == ("Failed", True)
    aws.create(f"{name}-2", "v1")
    server.ask("POST", "/faults", {"kind": kind, "endpoint": None})
    aws.update(f"{name}-2", "v2", BlueGreenUpdatePolicy=blue_green("ALL_AT_ONCE", wait=0))
    found = aws.settle(f"{name}-2")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "v1")
    assert words in found["FailureReason"]


def test_a_slow_start_keeps_the_old_fleet_serving(server, aws, bundles):
    aws.create("slow", "v1")
    server.ask("POST", "/faults", {"kind": "slow_start", "endpoint": "slow", "seconds": 4})
    began = time.monotonic()
    aws.update("slow", "v2", BlueGreenUpdatePolicy=blue_green("ALL_AT_ONCE", wait=0))
    assert aws.scores("slow", INSTANCES) == bundles["v1"].expected(INSTANCES)
    assert aws.settle("slow")["EndpointConfigName"] == "v2"
    assert time.monotonic() - began >= 4


def test_a_crash_in_the_new_fleet_turns_the_update_back(server, aws):
    aws.create("struck", "v1")
    aws.update("struck", "v2", BlueGreenUpdatePolicy=blue_green("CANARY", wait=3600, percent=10))
    server.ask("POST", "/faults", {"kind": "crash", "endpoint": "struck"})
    found = aws.settle("struck")
    assert (found["EndpointConfigName"], "crashed" in found["FailureReason"]) == ("v1", True)


def test_a_crash_without_an_update_kills_a_container_that_serves(server, aws, bundles):
    aws.create("fallen", "v1")
    before = set(server.containers())
    server.ask("POST", "/faults", {"kind": "crash", "endpoint": "fallen"})
    assert wait_for(lambda: len(before & set(server.containers())) == len(before) - 1)
    assert wait_for(lambda: len(server.containers()) == len(before))
    assert aws.scores("fallen", INSTANCES) == bundles["v1"].expected(INSTANCES)


def test_an_alarm_that_is_forced_turns_the_update_back(server, aws):
    aws.cloudwatch.put_metric_alarm(
        AlarmName="forced-errors", MetricName="Errors", Namespace="x", Period=60, Threshold=1,
        EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold", Statistic="Sum",
    )  # fmt: skip
    aws.create("forced", "v1")
    aws.update(
        "forced",
        "v2",
        BlueGreenUpdatePolicy=blue_green("CANARY", wait=3600, percent=10),
        AutoRollbackConfiguration={"Alarms": [{"AlarmName": "forced-errors"}]},
    )
    server.ask("POST", "/faults", {"kind": "alarm", "alarm": "forced"})
    found = aws.settle("forced")
    assert (found["EndpointConfigName"], "forced-errors" in found["FailureReason"]) == ("v1", True)


def _snake(operation):
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).removeprefix("_")
