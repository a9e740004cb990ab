"""Metrics of real invocations, and alarms that ring on them."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from infra.emulator.cloudwatch.emf import read_line
from tests.infra.bundles import make_instances
from tests.infra.embedded_server import wait_for
from tests.infra.emulator.clients import blue_green

INSTANCES = make_instances(3, seed=5)
PLATFORM = "AWS/SageMaker"


def spoil(aws, endpoint):
    """An invocation that the container refuses."""
    with pytest.raises(ClientError, match="ModelError"):
        aws.runtime.invoke_endpoint(EndpointName=endpoint, Body=b"{", ContentType="a/b")


def dimensions(endpoint):
    pairs = {"EndpointName": endpoint, "VariantName": "AllTraffic"}
    return [{"Name": name, "Value": value} for name, value in pairs.items()]


def statistics(aws, endpoint, metric):
    """Sum and count of an endpoint's metric over the last minutes."""
    now = datetime.now(tz=UTC)
    found = aws.cloudwatch.get_metric_statistics(
        Namespace=PLATFORM,
        MetricName=metric,
        Dimensions=dimensions(endpoint),
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=10),
        Period=3600,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    return [sum(point[name] for point in found) for name in ("Sum", "SampleCount")]


def put_alarm(aws, endpoint, **more):
    """An alarm on the share of refused invocations; named as its endpoint."""
    aws.cloudwatch.put_metric_alarm(**{
        "AlarmName": endpoint, "Namespace": PLATFORM, "MetricName": "Invocation4XXErrors",
        "Dimensions": dimensions(endpoint), "Statistic": "Average", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 0.5, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "ignore", **more,
    })  # fmt: skip


def state(aws, alarm):
    (found,) = aws.cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    return found["StateValue"]


def test_each_invocation_counts_once_in_every_metric_of_the_platform(aws):
    aws.create("counted", "v1")
    for _ in range(3):
        aws.invoke("counted", INSTANCES)
    spoil(aws, "counted")
    assert wait_for(lambda: statistics(aws, "counted", "Invocations") == [4, 4])
    assert statistics(aws, "counted", "Invocation4XXErrors") == [1, 4]
    assert statistics(aws, "counted", "Invocation5XXErrors") == [0, 4]
    assert statistics(aws, "counted", "InvocationModelErrors") == [1, 4]
    for latency in ("ModelLatency", "OverheadLatency"):
        total, count = statistics(aws, "counted", latency)
        # Microseconds: four answers take less than two seconds and more than nothing.
        assert (count, 0 < total < 2_000_000) == (4, True)


def test_an_alarm_rings_on_errors_and_is_ok_again_after_answers(aws):
    aws.create("rings", "v1")
    put_alarm(aws, "rings")
    spoil(aws, "rings")
    assert wait_for(lambda: state(aws, "rings") == "ALARM")

    def is_ok():
        aws.invoke("rings", INSTANCES)
        return state(aws, "rings") == "OK"

    assert wait_for(is_ok)


def test_an_alarm_on_a_percentile_rings_when_the_tail_is_slow(aws):
    aws.create("tail", "v1")
    for name, threshold in (("tail-low", 1), ("tail-high", 60_000_000)):
        aws.cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace=PLATFORM, MetricName="ModelLatency", Period=60,
            Dimensions=dimensions("tail"), ExtendedStatistic="p90", EvaluationPeriods=1,
            Threshold=threshold, ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="ignore",
        )  # fmt: skip
    for _ in range(5):
        aws.invoke("tail", INSTANCES)
    assert wait_for(lambda: state(aws, "tail-low") == "ALARM")
    assert state(aws, "tail-high") == "OK"


def test_an_alarm_on_a_metric_that_a_user_put_rings(aws):
    put_alarm(
        aws, "own", Namespace="Own", MetricName="Queue", Dimensions=[], Statistic="Maximum",
        ComparisonOperator="GreaterThanOrEqualToThreshold", Threshold=7,
    )  # fmt: skip
    aws.cloudwatch.put_metric_data(
        Namespace="Own", MetricData=[{"MetricName": "Queue", "Value": 6}]
    )
    assert wait_for(lambda: state(aws, "own") == "OK")
    aws.cloudwatch.put_metric_data(
        Namespace="Own", MetricData=[{"MetricName": "Queue", "Value": 7}]
    )
    assert wait_for(lambda: state(aws, "own") == "ALARM")


def test_a_state_that_was_set_by_hand_holds_until_there_is_newer_data(aws):
    aws.create("by-hand", "v1")
    put_alarm(aws, "by-hand", TreatMissingData="notBreaching")
    assert wait_for(lambda: state(aws, "by-hand") == "OK")
    aws.cloudwatch.set_alarm_state(AlarmName="by-hand", StateValue="ALARM", StateReason="a test")
    time.sleep(1.0)
    assert state(aws, "by-hand") == "ALARM"
    aws.invoke("by-hand", INSTANCES)
    assert wait_for(lambda: state(aws, "by-hand") == "OK")


def test_errors_during_a_canary_turn_it_back_by_their_alarm(aws, bundles):
    aws.create("spoilt", "v1")
    put_alarm(aws, "spoilt")
    aws.update(
        "spoilt",
        "v2",
        BlueGreenUpdatePolicy=blue_green("CANARY", wait=3600, percent=50),
        AutoRollbackConfiguration={"Alarms": [{"AlarmName": "spoilt"}]},
    )
    new = bundles["v2"].digest
    assert wait_for(lambda: aws.invoke("spoilt", INSTANCES)["model"]["digest"] == new)
    time.sleep(2.0)
    assert aws.describe("spoilt")["EndpointStatus"] == "Updating"
    for _ in range(40):
        spoil(aws, "spoilt")
    found = aws.settle("spoilt")
    assert (found["EndpointConfigName"], "spoilt" in found["FailureReason"]) == ("v1", True)


def test_an_alarm_that_rings_before_an_update_ends_it_at_once(aws, server):
    aws.create("rung", "v1")
    put_alarm(aws, "rung")
    aws.cloudwatch.set_alarm_state(AlarmName="rung", StateValue="ALARM", StateReason="a test")
    aws.update(
        "rung",
        "v2",
        BlueGreenUpdatePolicy=blue_green("CANARY", wait=0, percent=50),
        AutoRollbackConfiguration={"Alarms": [{"AlarmName": "rung"}]},
    )
    found = aws.settle("rung")
    assert (found["EndpointConfigName"], "rung" in found["FailureReason"]) == ("v1", True)
    # Of the new fleet nothing was started.
    assert [file.name for file in (server.home / "logs/rung").iterdir()] == ["v1-AllTraffic-0.log"]


def test_an_alarm_looks_for_data_two_periods_further_back_and_then_has_none(aws):
    put_alarm(
        aws, "fades", Namespace="Own", MetricName="Fades", Dimensions=[], Statistic="Maximum",
        TreatMissingData="missing",
    )  # fmt: skip
    datum = {"MetricName": "Fades", "Value": 1}
    aws.cloudwatch.put_metric_data(Namespace="Own", MetricData=[datum])
    assert wait_for(lambda: state(aws, "fades") == "ALARM")
    began = time.monotonic()
    assert wait_for(lambda: state(aws, "fades") == "INSUFFICIENT_DATA")
    # Three periods of 0.6 s, not one.
    assert 1.0 < time.monotonic() - began < 10


def test_a_line_of_metrics_gives_each_metric_with_each_set_of_dimensions():
    line = (
        b'{"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "Overnight", "Dimensions":'
        b' [["Endpoint", "Model"], ["Endpoint"]], "Metrics": [{"Name": "Rows", "Unit": "Count"},'
        b' {"Name": "ScoreShift"}]}]}, "Endpoint": "e", "Model": "m", "Rows": [2, 3]}'
    )
    found = [(s.namespace, s.name, s.dimensions, s.values) for s in read_line(line)]
    assert found == [
        ("Overnight", "Rows", (("Endpoint", "e"), ("Model", "m")), (2.0, 3.0)),
        ("Overnight", "Rows", (("Endpoint", "e"),), (2.0, 3.0)),
    ]


@pytest.mark.parametrize("line", [b"hello", b"{}", b'{"_aws": 1}', b'{"_aws": {', b""])
def test_any_other_line_is_none_of_metrics(line):
    assert read_line(line) is None


def test_a_container_gets_its_models_environment_and_the_servers_pace(aws, server, bundles):
    before = set(server.containers())
    aws.put_model("told", bundles["v1"].folder, OVERNIGHT_ENDPOINT="told", OVERNIGHT_WORKERS="1")
    aws.create("told", "told")
    (pid,) = set(server.containers()) - before
    pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    told = dict(pair.split(b"=", 1) for pair in pairs if pair)
    assert told[b"OVERNIGHT_ENDPOINT"] == b"told"
    # 60 s at a hundredth of their length.
    assert told[b"OVERNIGHT_METRICS_SECONDS"] == b"0.6"


def test_what_a_container_measures_reaches_cloudwatch_and_its_alarms(aws, bundles):
    aws.put_model("heard", bundles["v1"].folder, OVERNIGHT_ENDPOINT="heard")
    aws.create("heard", "heard")
    pairs = {"Endpoint": "heard", "Model": bundles["v1"].digest[:12]}
    own = [{"Name": name, "Value": value} for name, value in pairs.items()]
    for metric in ("Rows", "ScoreShift"):
        put_alarm(
            aws, "heard", AlarmName=f"heard-{metric}", Namespace="Overnight", MetricName=metric,
            Dimensions=own, Statistic="Maximum", Threshold=-1,
        )  # fmt: skip
    # As many rows as a container gathers before it speaks of shifts.
    aws.invoke("heard", [{**one, "channel": "web"} for one in make_instances(200, seed=6)])
    for metric in ("Rows", "ScoreShift"):
        assert wait_for(lambda metric=metric: state(aws, f"heard-{metric}") == "ALARM")
    now = datetime.now(tz=UTC)
    (found,) = aws.cloudwatch.get_metric_statistics(
        Namespace="Overnight", MetricName="Rows", Dimensions=own, Period=3600,
        StartTime=now - timedelta(minutes=30), EndTime=now + timedelta(minutes=30),
        Statistics=["Sum"],
    )["Datapoints"]  # fmt: skip
    assert found["Sum"] == 200
