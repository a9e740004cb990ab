"""What an endpoint does between CreateEndpoint and DeleteEndpoint, through boto3."""

import os
import signal

import pytest
from botocore.exceptions import ClientError

from tests.infra.bundles import make_instances
from tests.infra.embedded_server import wait_for
from tests.infra.emulator.clients import blue_green

INSTANCES = make_instances(3, seed=5)


def test_an_endpoint_answers_with_the_bits_of_its_model(aws, bundles):
    found = aws.create("plain", "v1")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "v1")
    answer = aws.invoke("plain", INSTANCES, InferenceId="42")
    assert [p["score"] for p in answer["predictions"]] == bundles["v1"].expected(INSTANCES)
    assert answer["variant"] == "AllTraffic"


def test_a_model_that_does_not_start_fails_the_endpoint_with_its_last_words(aws):
    found = aws.create("fails", "broken")
    assert found["EndpointStatus"] == "Failed"
    assert "golden vectors score otherwise than in training" in found["FailureReason"]
    aws.sagemaker.delete_endpoint(EndpointName="fails")


def test_an_artefact_that_is_not_there_fails_the_endpoint(aws):
    container = {"Image": "image", "ModelDataUrl": "s3://models/nothing"}
    aws.sagemaker.create_model(ModelName="absent", PrimaryContainer=container)
    aws.put_config("absent", "absent")
    found = aws.create("absent", "absent")
    assert found["EndpointStatus"] == "Failed"
    assert "Failed to download model data from s3://models/nothing" in found["FailureReason"]


def test_a_canary_serves_both_models_and_then_the_new_one_with_no_request_failed(aws, bundles):
    aws.create("canary", "v1")
    aws.update("canary", "v2", BlueGreenUpdatePolicy=blue_green("CANARY", wait=200, percent=10))
    digests = aws.digests_until_settled("canary", INSTANCES)
    old, new = bundles["v1"].digest, bundles["v2"].digest
    # From the canary's first answer to the shift of all traffic, one answer in ten is new.
    first = digests.index(new)
    last = len(digests) - digests[::-1].index(old)
    share = digests[first:last].count(new) / (last - first)
    assert share == pytest.approx(0.1, abs=0.03)
    assert set(digests[last:]) <= {new}
    assert aws.describe("canary")["EndpointConfigName"] == "v2"
    assert aws.scores("canary", INSTANCES) == bundles["v2"].expected(INSTANCES)


def test_a_linear_shift_ends_with_the_new_model(aws, bundles):
    aws.create("linear", "v1")
    aws.update("linear", "v2", BlueGreenUpdatePolicy=blue_green("LINEAR", wait=20, percent=30))
    assert aws.settle("linear")["EndpointConfigName"] == "v2"
    assert aws.scores("linear", INSTANCES) == bundles["v2"].expected(INSTANCES)


def test_an_update_may_retain_the_course_of_the_one_before(aws):
    aws.create("retains", "v1")
    aws.update("retains", "v2", BlueGreenUpdatePolicy=blue_green("CANARY", wait=1, percent=20))
    course = aws.settle("retains")["LastDeploymentConfig"]
    aws.sagemaker.update_endpoint(
        EndpointName="retains", EndpointConfigName="v1", RetainDeploymentConfig=True
    )
    assert aws.settle("retains")["EndpointConfigName"] == "v1"
    assert aws.describe("retains")["LastDeploymentConfig"] == course
    aws.update("retains", "v2")
    assert "LastDeploymentConfig" not in aws.settle("retains")


def test_an_update_to_a_model_that_does_not_start_leaves_the_old_one_serving(aws, bundles):
    aws.create("keeps", "v1")
    aws.update("keeps", "broken", BlueGreenUpdatePolicy=blue_green("ALL_AT_ONCE", wait=0))
    assert set(aws.digests_until_settled("keeps", INSTANCES)) == {bundles["v1"].digest}
    found = aws.describe("keeps")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "v1")
    assert "golden vectors" in found["FailureReason"]


def test_an_alarm_turns_an_update_back(aws, bundles):
    aws.create("alarmed", "v1")
    aws.cloudwatch.put_metric_alarm(
        AlarmName="errors", MetricName="Errors", Namespace="x", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold", Statistic="Sum",
    )  # fmt: skip
    aws.update(
        "alarmed",
        "v2",
        BlueGreenUpdatePolicy=blue_green("CANARY", wait=3600, percent=50),
        AutoRollbackConfiguration={"Alarms": [{"AlarmName": "errors"}]},
    )
    new = bundles["v2"].digest
    assert wait_for(lambda: aws.invoke("alarmed", INSTANCES)["model"]["digest"] == new)
    aws.cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a test")
    found = aws.settle("alarmed")
    assert (found["EndpointConfigName"], "errors" in found["FailureReason"]) == ("v1", True)
    assert aws.scores("alarmed", INSTANCES) == bundles["v1"].expected(INSTANCES)


def test_an_update_during_an_update_is_refused(aws):
    aws.create("busy", "v1")
    aws.update("busy", "v2", BlueGreenUpdatePolicy=blue_green("CANARY", wait=300, percent=10))
    found = aws.describe("busy")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("Updating", "v1")
    assert found["PendingDeploymentSummary"]["EndpointConfigName"] == "v2"
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        aws.update("busy", "v1")
    aws.settle("busy")


def test_a_container_that_crashes_is_started_again(aws, server, bundles):
    before = set(server.containers())
    aws.create("crashes", "v1")
    (container,) = set(server.containers()) - before
    os.kill(container, signal.SIGKILL)
    assert wait_for(lambda: len({*server.containers()} - before - {container}) == 1)
    assert aws.scores("crashes", INSTANCES) == bundles["v1"].expected(INSTANCES)


def test_two_instances_take_turns_and_both_answer(aws, server):
    before = set(server.containers())
    aws.put_config("two", "v1", InitialInstanceCount=2)
    found = aws.create("two", "two")
    assert found["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert len(set(server.containers()) - before) == 2
    for _ in range(4):
        aws.invoke("two", INSTANCES)


def test_a_deleted_endpoint_is_gone_with_its_processes(aws, server):
    before = set(server.containers())
    aws.create("leaves", "v1")
    aws.sagemaker.delete_endpoint(EndpointName="leaves")

    def is_gone():
        names = aws.sagemaker.list_endpoints(NameContains="leaves")["Endpoints"]
        return not names and set(server.containers()) == before

    assert wait_for(is_gone)
    with pytest.raises(ClientError, match="Could not find endpoint"):
        aws.describe("leaves")
