"""What becomes of endpoints and processes when the server ends, in an order or not."""

import contextlib
import json
import signal
import socket
import subprocess
import threading
import time
import urllib.request

import pytest
from botocore.exceptions import BotoCoreError

from infra.local.services import is_sagemaker_up
from tests.infra.bundles import make_instances
from tests.infra.embedded_server import EmbeddedServer, is_alive, wait_for
from tests.infra.emulator.clients import Clients, blue_green, variant

INSTANCES = make_instances(3, seed=5)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server of one test, which may be killed."""
    server = EmbeddedServer(tmp_path / "home")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    server.start()
    yield server
    server.close()


@pytest.fixture
def aws(server, bundles):  # noqa: ARG001
    aws = Clients()
    aws.put_model("v1", bundles["v1"].folder)
    aws.create("demo", "v1")
    yield aws
    aws.close()


def test_a_restarted_server_serves_what_it_served_before(server, aws, bundles):
    containers = server.containers()
    assert is_sagemaker_up(server.address)
    assert server.stop() == 0
    assert not is_sagemaker_up(server.address)
    assert not any(is_alive(pid) for pid in containers)
    server.start()
    with urllib.request.urlopen(f"{server.address}/health") as answer:
        assert json.load(answer) == {"status": "ok", "endpoints": {"demo": "InService"}}
    assert aws.scores("demo", INSTANCES) == bundles["v1"].expected(INSTANCES)


def test_a_server_killed_in_an_update_leaves_no_process_and_returns_to_the_old_config(
    server, aws, bundles
):
    aws.put_model("v2", bundles["v2"].folder)
    aws.update("demo", "v2", BlueGreenUpdatePolicy=blue_green("CANARY", wait=3600, percent=10))
    assert wait_for(lambda: len(server.containers()) == 2)
    containers = server.containers()
    server.stop(signal.SIGKILL)
    assert wait_for(lambda: not any(is_alive(pid) for pid in containers), seconds=10)
    server.start()
    found = aws.describe("demo")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "v1")
    assert aws.scores("demo", INSTANCES) == bundles["v1"].expected(INSTANCES)


def test_alarms_and_captured_files_outlast_a_kill(server, aws):
    aws.s3.create_bucket(Bucket="captures")
    capture = {
        "EnableCapture": True, "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://captures/x", "CaptureOptions": [{"CaptureMode": "Input"}],
    }  # fmt: skip
    aws.sagemaker.create_endpoint_config(
        EndpointConfigName="kept", ProductionVariants=[variant("v1")], DataCaptureConfig=capture
    )
    aws.create("kept", "kept")
    for name in ("errors", "slow", "gone"):
        aws.cloudwatch.put_metric_alarm(
            AlarmName=name, MetricName="Errors", Namespace="x", Period=60, EvaluationPeriods=3,
            DatapointsToAlarm=2, Threshold=0.5, ComparisonOperator="GreaterThanThreshold",
            Statistic="Sum", Dimensions=[{"Name": "EndpointName", "Value": "kept"}],
        )  # fmt: skip
    aws.cloudwatch.delete_alarms(AlarmNames=["gone"])
    aws.cloudwatch.set_alarm_state(AlarmName="slow", StateValue="ALARM", StateReason="a test")
    aws.invoke("kept", INSTANCES, InferenceId="tx-9")
    assert wait_for(lambda: _objects(aws))
    before = _objects(aws)
    server.stop(signal.SIGKILL)
    server.start()
    alarms = {a["AlarmName"]: a for a in aws.cloudwatch.describe_alarms()["MetricAlarms"]}
    assert sorted(alarms) == ["errors", "slow"]
    slow = alarms["slow"]
    assert (slow["StateValue"], slow["DatapointsToAlarm"], slow["Threshold"]) == ("ALARM", 2, 0.5)
    assert slow["Dimensions"] == [{"Name": "EndpointName", "Value": "kept"}]
    assert _objects(aws) == before
    # And the endpoint goes on capturing.
    aws.invoke("kept", INSTANCES)
    assert wait_for(lambda: len(_objects(aws)) > len(before))


def test_what_was_captured_last_is_written_at_an_orderly_stop(server, aws):
    aws.s3.create_bucket(Bucket="captures")
    capture = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://captures/x", "CaptureOptions": [{"CaptureMode": "Input"}],
    }  # fmt: skip
    aws.sagemaker.create_endpoint_config(
        EndpointConfigName="last", ProductionVariants=[variant("v1")], DataCaptureConfig=capture
    )
    aws.create("last", "last")
    for _ in range(5):
        aws.invoke("last", INSTANCES)
    assert server.stop() == 0
    server.start()
    assert sum(content.count(b"\n") for content in _objects(aws).values()) == 5


def _objects(aws):
    """Content of every object in the bucket, by key."""
    found = aws.s3.list_objects_v2(Bucket="captures").get("Contents", [])
    keys = [one["Key"] for one in found]
    return {k: aws.s3.get_object(Bucket="captures", Key=k)["Body"].read() for k in keys}


def test_a_stop_does_not_wait_for_calls_that_hang_by_a_fault(server, aws):
    faults = [{"kind": "api", "service": name, "effect": "hang"} for name in ("sagemaker", "s3")]
    server.ask("POST", "/faults", faults)
    threads = [
        threading.Thread(target=_ignoring_errors, args=(call,))
        for call in (aws.sagemaker.list_models, aws.s3.list_buckets)
    ]
    for thread in threads:
        thread.start()
    assert wait_for(lambda: server.ask("GET", "/faults") == [])
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 10
    for thread in threads:
        thread.join()


def _ignoring_errors(call):
    with contextlib.suppress(BotoCoreError):
        call()


def test_a_taken_port_is_named_and_nothing_starts(tmp_path):
    server = EmbeddedServer(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", server.port))
        taken.listen()
        ended = subprocess.run(server.command(), capture_output=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert f"port {server.port} is in use: set OVERNIGHT_SAGEMAKER_PORT" in ended.stderr.decode()
