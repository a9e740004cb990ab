"""Several variants, shadows and what is captured of them."""

import base64
import json
import os
import re
import signal
import threading
import time
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.infra.bundles import make_instances
from tests.infra.embedded_server import wait_for
from tests.infra.emulator.clients import variant

INSTANCES = make_instances(3, seed=5)
KEY = r"{}/{}/\d{{4}}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{{3}}-[0-9a-f-]{{36}}\.jsonl"


@pytest.fixture(scope="module")
def bucket(aws):
    aws.s3.create_bucket(Bucket="captures")
    return "captures"


def put_config(aws, name, variants, **more):
    aws.sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=variants, **more
    )


def capture(bucket, *, percent=100, modes=("Input", "Output"), **more):
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": percent,
        "DestinationS3Uri": f"s3://{bucket}/some/prefix",
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
        **more,
    }


def captured(aws, bucket, endpoint, name="AllTraffic"):
    """The captured lines of a variant, once there are any."""
    prefix = f"some/prefix/{endpoint}/{name}/"

    def keys():
        found = aws.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        return [one["Key"] for one in found]

    assert wait_for(keys)
    pattern = "some/prefix/" + KEY.format(endpoint, name)
    assert all(re.fullmatch(pattern, key) for key in keys())
    contents = [aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys()]
    return [json.loads(line) for content in contents for line in content.splitlines()]


def test_a_request_and_its_answer_are_captured_as_sagemaker_writes_them(aws, bucket):
    header = {"JsonContentTypes": ["application/json"]}
    config = capture(bucket, CaptureContentTypeHeader=header)
    put_config(aws, "captured", [variant("v1")], DataCaptureConfig=config)
    found = aws.create("captured", "captured")
    assert found["DataCaptureConfig"]["CaptureStatus"] == "Started"
    answer = aws.invoke("captured", INSTANCES, InferenceId="tx-1", CustomAttributes="a=b")
    (line,) = captured(aws, bucket, "captured")
    asked, said = line["captureData"]["endpointInput"], line["captureData"]["endpointOutput"]
    assert (asked["mode"], asked["encoding"]) == ("INPUT", "JSON")
    assert json.loads(asked["data"]) == {"instances": INSTANCES}
    assert (said["mode"], said["observedContentType"]) == ("OUTPUT", "application/json")
    assert json.loads(said["data"])["predictions"] == answer["predictions"]
    about = line["eventMetadata"]
    assert (about["inferenceId"], about["customAttributes"]) == ("tx-1", ["a=b"])
    assert line["eventVersion"] == "0"


def test_without_content_types_payloads_are_base64_and_only_what_is_asked_for_is_kept(aws, bucket):
    config = capture(bucket, modes=["Input"])
    put_config(aws, "inputs", [variant("v1")], DataCaptureConfig=config)
    aws.create("inputs", "inputs")
    aws.invoke("inputs", INSTANCES)
    (line,) = captured(aws, bucket, "inputs")
    (asked,) = line["captureData"].values()
    assert asked["encoding"] == "BASE64"
    assert json.loads(base64.b64decode(asked["data"])) == {"instances": INSTANCES}


def test_a_sample_of_a_quarter_is_one_request_in_four(aws, bucket):
    config = capture(bucket, percent=25)
    put_config(aws, "quarter", [variant("v1")], DataCaptureConfig=config)
    aws.create("quarter", "quarter")
    for number in range(12):
        aws.invoke("quarter", INSTANCES, InferenceId=str(number))
    assert wait_for(lambda: len(captured(aws, bucket, "quarter")) == 3)
    ids = [line["eventMetadata"]["inferenceId"] for line in captured(aws, bucket, "quarter")]
    assert sorted(ids, key=int) == ["3", "7", "11"]


def test_a_shadow_hears_every_second_request_and_never_answers(aws, bucket, bundles):
    put_config(
        aws, "shadowed", [variant("v1")],
        ShadowProductionVariants=[variant("v2", VariantName="Shadow", InitialVariantWeight=0.5)],
        DataCaptureConfig=capture(bucket, CaptureContentTypeHeader={
            "JsonContentTypes": ["application/json"],
        }),
    )  # fmt: skip
    found = aws.create("shadowed", "shadowed")
    assert [v["VariantName"] for v in found["ShadowProductionVariants"]] == ["Shadow"]
    for _ in range(10):
        answer = aws.invoke("shadowed", INSTANCES)
        assert (answer["variant"], answer["model"]["digest"]) == (
            "AllTraffic",
            bundles["v1"].digest,
        )
    assert wait_for(lambda: len(captured(aws, bucket, "shadowed", "Shadow")) == 5)
    line = captured(aws, bucket, "shadowed", "Shadow")[0]
    said = json.loads(line["captureData"]["endpointOutput"]["data"])
    assert said["model"]["digest"] == bundles["v2"].digest
    assert len(captured(aws, bucket, "shadowed")) == 10


def test_a_shadow_that_hangs_or_dies_touches_no_client(aws, server, bundles):
    aws.put_model("still", bundles["v2"].folder, SAGEMAKER_ROLE="shadow")
    shadow = variant("still", VariantName="Shadow")
    put_config(aws, "haunted", [variant("v1")], ShadowProductionVariants=[shadow])
    aws.create("haunted", "haunted")
    (pid,) = (
        pid
        for pid in server.containers()
        if b"ROLE=shadow" in Path(f"/proc/{pid}/environ").read_bytes()
    )
    expected = bundles["v1"].expected(INSTANCES)
    # Its workers with it: they are of its process group.
    os.killpg(pid, signal.SIGSTOP)
    descriptors = Path(f"/proc/{server.process.pid}/fd")
    before = len(list(descriptors.iterdir()))
    began = time.monotonic()
    for _ in range(150):
        assert aws.scores("haunted", INSTANCES) == expected
    assert time.monotonic() - began < 10
    # A hundred may wait for the shadow, each on its connection.
    waiting = len(list(descriptors.iterdir())) - before
    assert 90 <= waiting < 120
    os.killpg(pid, signal.SIGKILL)
    for _ in range(20):
        assert aws.scores("haunted", INSTANCES) == expected


def test_two_shadows_or_a_shadow_of_two_variants_are_refused(aws):
    shadows = [variant("v2", VariantName=name) for name in ("S1", "S2")]
    with pytest.raises(ClientError, match="one production variant and one shadow, got 1 and 2"):
        put_config(aws, "two", [variant("v1")], ShadowProductionVariants=shadows)
    twice = [variant("v1"), variant("v2")]
    with pytest.raises(ClientError, match="Variant names must be unique"):
        put_config(aws, "two", twice)


def test_variants_share_the_traffic_by_weight_until_the_weights_are_changed(aws, bundles):
    heavy = variant("v1", VariantName="Heavy", InitialVariantWeight=3)
    light = variant("v2", VariantName="Light", InitialVariantWeight=1)
    put_config(aws, "weighed", [heavy, light])
    aws.create("weighed", "weighed")

    def share():
        return [aws.invoke("weighed", INSTANCES)["variant"] for _ in range(8)].count("Light")

    assert share() == 2
    aws.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="weighed",
        DesiredWeightsAndCapacities=[{"VariantName": "Light", "DesiredWeight": 3}],
    )
    found = aws.settle("weighed")
    assert [v["CurrentWeight"] for v in found["ProductionVariants"]] == [3, 3]
    assert share() == 4
    answer = aws.invoke("weighed", INSTANCES, TargetVariant="Light")
    assert (answer["variant"], answer["model"]["digest"]) == ("Light", bundles["v2"].digest)
    with pytest.raises(ClientError, match="Variant None-such is not"):
        aws.invoke("weighed", INSTANCES, TargetVariant="None-such")


def test_lists_come_in_pages_that_together_are_everything_once(aws):
    for number in range(12):
        put_config(aws, f"paged-{number}", [variant("v1")])
    pages = aws.sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains="paged-")
    found = [[c["EndpointConfigName"] for c in page["EndpointConfigs"]] for page in pages]
    assert [len(page) for page in found] == [10, 2]
    # Newest first, as AWS has it.
    names = [name for page in found for name in page]
    assert names == [f"paged-{number}" for number in reversed(range(12))]
    with pytest.raises(ClientError, match="was not given out"):
        aws.sagemaker.list_endpoint_configs(NextToken="nonsense")


def test_no_invocation_fails_while_a_killed_container_is_started_again(aws, server):
    before = set(server.containers())
    aws.create("resilient", "v1")
    (pid,) = set(server.containers()) - before
    once = Config(retries={"total_max_attempts": 1}, max_pool_connections=4)
    runtime = boto3.client("sagemaker-runtime", config=once)
    body = json.dumps({"instances": INSTANCES}).encode()
    stopping, answered, failed = threading.Event(), [], []

    def invoke():
        while not stopping.is_set():
            try:
                runtime.invoke_endpoint(
                    EndpointName="resilient", Body=body, ContentType="application/json"
                )["Body"].read()
                answered.append(time.monotonic())
            except ClientError as error:
                failed.append(error)

    threads = [threading.Thread(target=invoke) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    os.killpg(pid, signal.SIGKILL)
    killed = time.monotonic()
    assert wait_for(lambda: answered[-1] > killed + 1)
    stopping.set()
    for thread in threads:
        thread.join()
    runtime.close()
    assert (failed, answered[0] < killed) == ([], True)


def test_what_waits_for_a_crashed_container_is_answered_before_it_is_stopped(aws, server, bundles):
    before = set(server.containers())
    aws.create("last-words", "v1")
    (pid,) = set(server.containers()) - before
    os.killpg(pid, signal.SIGSTOP)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(aws.scores("last-words", INSTANCES)))
    asking.start()
    time.sleep(0.3)
    aws.sagemaker.delete_endpoint(EndpointName="last-words")
    os.killpg(pid, signal.SIGKILL)
    asking.join(timeout=30)
    assert answers == [bundles["v1"].expected(INSTANCES)]
