"""The server against botocore's own model of SageMaker, past boto3: plain HTTP."""

import http.client
import itertools
import json
import subprocess
import sys

import botocore.parsers
import botocore.session
import pytest

from tests.infra.embedded_server import wait_for
from tests.infra.emulator.clients import BUCKET, IMAGE, blue_green
from tests.infra.emulator.shapes import broken, lacking

SERVICE = botocore.session.get_session().get_service_model("sagemaker")
CONTAINER = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/v1"}
VARIANT = {"VariantName": "AllTraffic", "ModelName": "v1", "InstanceType": "ml.m5.large"}
ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/conformance"
# What a valid request needs beyond its shape: names of what is there, and what only this server
# asks for. In this order each operation finds what it needs.
REQUESTS = {
    "CreateModel": {"ModelName": "conformance", "PrimaryContainer": CONTAINER},
    "DescribeModel": {"ModelName": "conformance"},
    "ListModels": {},
    "CreateEndpointConfig": {
        "EndpointConfigName": "conformance",
        "ProductionVariants": [{**VARIANT, "InitialInstanceCount": 1}],
    },
    "DescribeEndpointConfig": {"EndpointConfigName": "conformance"},
    "ListEndpointConfigs": {},
    "CreateEndpoint": {"EndpointName": "conformance", "EndpointConfigName": "conformance"},
    "DescribeEndpoint": {"EndpointName": "conformance"},
    "UpdateEndpoint": {
        "EndpointName": "conformance",
        "EndpointConfigName": "v1",
        "DeploymentConfig": {"BlueGreenUpdatePolicy": blue_green("ALL_AT_ONCE", wait=0)},
    },
    "UpdateEndpointWeightsAndCapacities": {
        "EndpointName": "conformance",
        "DesiredWeightsAndCapacities": [{"VariantName": "AllTraffic", "DesiredWeight": 2.0}],
    },
    "ListEndpoints": {"MaxResults": 100},
    "AddTags": {"ResourceArn": ARN, "Tags": [{"Key": "a", "Value": "b"}]},
    "ListTags": {"ResourceArn": ARN},
    "DeleteTags": {"ResourceArn": ARN, "TagKeys": ["a"]},
    "DeleteEndpoint": {"EndpointName": "conformance"},
    "DeleteEndpointConfig": {"EndpointConfigName": "conformance"},
    "DeleteModel": {"ModelName": "conformance"},
}


@pytest.fixture(scope="module")
def call(server, aws):  # noqa: ARG001
    """Posts a request; gives status and parsed body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)

    def post(operation, body):
        headers = {"X-Amz-Target": f"SageMaker.{operation}"}
        connection.request("POST", "/", body=json.dumps(body), headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    yield post
    connection.close()


def test_every_operation_takes_a_valid_request_and_replies_with_all_that_is_required(call):
    parser = botocore.parsers.create_parser("json")

    def is_settled():
        _, body = call("DescribeEndpoint", {"EndpointName": "conformance"})
        return json.loads(body).get("EndpointStatus") == "InService"

    for operation, request in REQUESTS.items():
        if operation in ("UpdateEndpoint", "UpdateEndpointWeightsAndCapacities", "DeleteEndpoint"):
            assert wait_for(is_settled)
        status, body = call(operation, request)
        assert status == 200, (operation, body)
        shape = SERVICE.operation_model(operation).output_shape
        parsed = parser.parse({"status_code": status, "headers": {}, "body": body}, shape)
        if shape is not None:
            assert list(lacking(parsed, shape)) == [], operation


def test_the_operations_above_are_all_that_the_server_has(call):
    status, body = call("ListTrainingJobs", {})
    assert status == 400
    assert sorted(json.loads(body)["message"].partition("it does ")[2].rstrip(".").split(", ")) == (
        sorted(REQUESTS)
    )


@pytest.mark.parametrize("operation", REQUESTS)
def test_a_request_broken_at_any_one_place_is_refused(call, operation):
    shape = SERVICE.operation_model(operation).input_shape
    passed = []
    count = 0
    for why, request in itertools.islice(broken(shape), 4000):
        if not isinstance(request, dict):
            continue
        count += 1
        status, body = call(operation, request)
        if (status, json.loads(body).get("__type")) != (400, "ValidationException"):
            passed.append((why, status, body[:200]))
        elif b"Could not find" in body or b"already existing" in body:
            passed.append((why, "refused for another reason", body[:200]))
    assert (passed, count > 0) == ([], True)


def test_a_body_that_is_no_json_and_an_operation_that_is_none_are_named(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    for target, body, code in (
        ("SageMaker.ListModels", "{", "SerializationException"),
        ("SageMaker.ListModels", "[]", "SerializationException"),
        ("SageMaker.NoSuch", "{}", "UnknownOperationException"),
    ):
        connection.request("POST", "/", body=body, headers={"X-Amz-Target": target})
        answer = connection.getresponse()
        content = json.loads(answer.read())
        assert (answer.status, content["__type"]) == (400, code)
    connection.close()


# Its clients are never closed, which is a warning, so it has a process of its own.
CORE = """
from sagemaker.core import shapes
from sagemaker.core.resources import Endpoint, EndpointConfig, Model

container = shapes.ContainerDefinition(image="image", model_data_url="s3://models/v1")
role = "arn:aws:iam::123456789012:role/serving"
model = Model.create(model_name="core", primary_container=container, execution_role_arn=role)
variant = shapes.ProductionVariant(
    variant_name="AllTraffic",
    model_name="core",
    instance_type="ml.m5.large",
    initial_instance_count=1,
)
config = EndpointConfig.create(endpoint_config_name="core", production_variants=[variant])
endpoint = Endpoint.create(endpoint_name="core", endpoint_config_name="core")
endpoint.wait_for_status("InService", poll=1)
found = Endpoint.get("core")
print(found.endpoint_config_name, [each.variant_name for each in found.production_variants])
endpoint.delete()
endpoint.wait_for_delete(poll=1)
config.delete()
model.delete()
print([each.endpoint_name for each in Endpoint.get_all(name_contains="core")])
"""


@pytest.mark.usefixtures("aws")
def test_sagemaker_core_creates_waits_reads_and_deletes():
    ended = subprocess.run(
        [sys.executable, "-c", CORE], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "core ['AllTraffic']" in ended.stdout
    assert ended.stdout.rstrip().endswith("[]")
