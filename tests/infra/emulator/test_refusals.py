"""Requests that AWS refuses are refused with the same code."""

import json
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


@pytest.fixture
def unchecked(server):  # noqa: ARG001
    """A client that leaves checking to the server."""
    client = boto3.client("sagemaker", config=Config(parameter_validation=False))
    yield client
    client.close()


def refusal(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_every_missing_and_unknown_parameter_is_named(server):
    request = urllib.request.Request(
        server.address,
        data=b'{"EndpointName": "e", "Wrong": 1}',
        headers={"X-Amz-Target": "SageMaker.CreateEndpoint"},
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as answer:
        assert answer.status == 400
        body = json.load(answer)
    assert body["__type"] == "ValidationException"
    message = body["message"]
    assert 'Missing required parameter in input: "EndpointConfigName"' in message
    assert 'Unknown parameter in input: "Wrong"' in message


def test_a_name_that_breaks_the_pattern_is_refused(unchecked):
    code, message = refusal(
        unchecked.create_endpoint, EndpointName="ieee_cis", EndpointConfigName="x" * 64
    )
    assert code == "ValidationException"
    assert "3 validation errors detected" in message
    assert "Value 'ieee_cis' at 'endpointName' failed to satisfy constraint" in message
    assert "Member must have length less than or equal to 63" in message


def test_a_choice_that_is_none_of_the_choices_is_refused(unchecked):
    variant = {
        "VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.big",
    }  # fmt: skip
    code, message = refusal(
        unchecked.create_endpoint_config, EndpointConfigName="c", ProductionVariants=[variant]
    )
    assert code == "ValidationException"
    assert "Value 'ml.big' at 'productionVariants.1.member.instanceType'" in message


def test_what_is_not_there_cannot_be_found(aws):
    for call, parameters in [
        (aws.sagemaker.describe_model, {"ModelName": "none"}),
        (aws.sagemaker.describe_endpoint_config, {"EndpointConfigName": "none"}),
        (aws.sagemaker.describe_endpoint, {"EndpointName": "none"}),
        (aws.sagemaker.delete_endpoint, {"EndpointName": "none"}),
        (aws.sagemaker.create_endpoint, {"EndpointName": "e", "EndpointConfigName": "none"}),
    ]:
        code, message = refusal(call, **parameters)
        assert code == "ValidationException"
        assert message.startswith("Could not find ")


def test_what_exists_cannot_be_created_again(aws):
    code, message = refusal(
        aws.sagemaker.create_model,
        ModelName="v1",
        PrimaryContainer={"Image": "i", "ModelDataUrl": "s3://b/k"},
    )
    assert code == "ValidationException"
    assert message.startswith("Cannot create already existing model")


def test_a_canary_of_more_than_half_is_refused(aws):
    aws.create("half", "v1")
    size = {"Type": "CAPACITY_PERCENT", "Value": 60}
    routing = {"Type": "CANARY", "WaitIntervalInSeconds": 1, "CanarySize": size}
    code, message = refusal(
        aws.sagemaker.update_endpoint,
        EndpointName="half",
        EndpointConfigName="v2",
        DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}},
    )
    assert (code, "at most 50 percent, got 60" in message) == ("ValidationException", True)


def test_an_operation_that_is_not_done_here_says_which_are(aws):
    code, message = refusal(aws.sagemaker.list_training_jobs)
    assert code == "UnsupportedOperation"
    assert "does not do ListTrainingJobs; it does CreateModel" in message


def test_an_endpoint_that_is_not_there_cannot_be_invoked(aws):
    code, _ = refusal(aws.runtime.invoke_endpoint, EndpointName="none", Body=b"{}")
    assert code == "ValidationError"


def test_an_inference_id_longer_than_the_runtime_takes_is_refused(aws):
    aws.create("long", "v1")
    code, message = refusal(
        aws.runtime.invoke_endpoint, EndpointName="long", Body=b"{}", InferenceId="x" * 65
    )
    assert (code, "less than or equal to 64, got 65" in message) == ("ValidationError", True)


def test_a_request_that_the_container_refuses_is_a_model_error_with_its_words(aws):
    aws.create("refuses", "v1")
    with pytest.raises(ClientError) as caught:
        aws.runtime.invoke_endpoint(EndpointName="refuses", Body=b"{", ContentType="text/plain")
    response = caught.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == 415
    assert "Content type text/plain cannot be read" in response["OriginalMessage"]


def test_tags_are_kept_with_their_resource(aws):
    arn = aws.sagemaker.describe_model(ModelName="v1")["ModelArn"]
    aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "spec", "Value": "demo"}])
    assert aws.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "spec", "Value": "demo"}]
