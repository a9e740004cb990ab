"""The CloudWatch alarms that watch an update: errors, latency, three shifts, and the abort.

The container measures the shifts against what training saw and writes them with its own digest as
dimension. So an alarm on a new model sees the new model alone, also while the old one still
answers beside it under the same variant name.
"""

import logging
import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from infra.sagemaker.connection import open_session, translated_errors
from infra.sagemaker.control.configuration import EndpointConfiguration
from infra.sagemaker.names import DIGEST_LENGTH, VARIANT
from infra.sagemaker.policy import AlarmPolicy

if TYPE_CHECKING:
    import boto3

log = logging.getLogger(__name__)

NAMESPACE, STOP = "Overnight", "Stop"
PERIOD_SECONDS = 60
MICROSECONDS = 1000.0
MAX_DELETED = 100
Alarm = dict[str, Any]

# Metrics of the container (`infra.serving.telemetry.metrics`), and the limits on them.
SHIFTS = {
    "score-shift": ("ScoreShift", "score_shift"),
    "alert-rate": ("AlertRateShift", "alert_rate_factor"),
    "missing": ("MissingShift", "missing_shift"),
}


def wanted_alarms(configuration: EndpointConfiguration) -> dict[str, Alarm]:
    """Build the requests of PutMetricAlarm for the main model of a configuration, by name."""
    endpoint, watch = configuration.endpoint, configuration.policy.watch
    digest = configuration.main.bundle.digest[:DIGEST_LENGTH]
    of_platform = {"EndpointName": endpoint, "VariantName": VARIANT}
    platform = {"Namespace": "AWS/SageMaker", "Dimensions": _listed(of_platform)}
    dimensions = _of_model(endpoint, digest)
    own = {"Namespace": NAMESPACE, "Dimensions": dimensions, "Statistic": "Maximum"}
    wanted: dict[str, tuple[Alarm, float]] = {
        # Each request counts 0 or 1, so the average is the share.
        f"{endpoint}-errors": (
            {**platform, "MetricName": "Invocation5XXErrors", "Statistic": "Average"},
            watch.error_rate,
        ),
        f"{endpoint}-latency": (
            {**platform, "MetricName": "ModelLatency", "ExtendedStatistic": "p99"},
            watch.p99_ms * MICROSECONDS,
        ),
    }
    wanted[stop_alarm(endpoint, digest=digest)] = ({**own, "MetricName": STOP}, 0.0)
    for name, (metric, limit) in SHIFTS.items():
        request = {**own, "MetricName": metric}
        wanted[f"{endpoint}-{digest}-{name}"] = (request, getattr(watch, limit))
    return {
        name: {"AlarmName": name, **request, **_evaluation(limit, watch)}
        for name, (request, limit) in wanted.items()
        if math.isfinite(limit)
    }


def ensure_alarms(configuration: EndpointConfiguration, session: "boto3.Session") -> list[str]:
    """Create the wanted alarms, or change those of their names; return all alarms to obey.

    Raises:
        AwsError: when CloudWatch refuses.
    """
    client = session.client("cloudwatch")
    wanted = wanted_alarms(configuration)
    with translated_errors(f"Making the alarms of {configuration.endpoint}"):
        found = find_alarms(list(wanted), client)
        for name, request in wanted.items():
            if name not in found or list(differences(request, found[name])):
                client.put_metric_alarm(**request)
                log.info("Made the alarm %s", name)
    return [*wanted, *configuration.policy.alarms]


def find_alarms(names: list[str], client: Any) -> dict[str, Alarm]:
    """Return the alarms of these names that exist, by name."""
    if not names:
        return {}
    found = client.describe_alarms(AlarmNames=names)["MetricAlarms"]
    return {alarm["AlarmName"]: alarm for alarm in found}


def find_stale(endpoint: str, client: Any, *, keep: set[str]) -> list[str]:
    """Alarms on models that serve no more.

    Args:
        endpoint: the endpoint's name.
        client: of CloudWatch.
        keep: digests of the bundles whose alarms are still needed.
    """
    kept = {digest[:DIGEST_LENGTH] for digest in keep}
    ours = re.compile(rf"{endpoint}-([0-9a-f]{{{DIGEST_LENGTH}}})-(?:stop|{'|'.join(SHIFTS)})")
    pages = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{endpoint}-")
    names = [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]]
    found = ((name, ours.fullmatch(name)) for name in names)
    return [name for name, match in found if match is not None and match[1] not in kept]


def remove_stale_alarms(endpoint: str, *, keep: set[str]) -> None:
    """Delete the alarms on models that serve no more; each costs money.

    Args:
        endpoint: the endpoint's name.
        keep: digests of the bundles whose alarms are still needed.

    Raises:
        AwsError: when CloudWatch refuses.
    """
    client = open_session().client("cloudwatch")
    with translated_errors(f"Removing old alarms of {endpoint}"):
        stale = find_stale(endpoint, client, keep=keep)
        for first in range(0, len(stale), MAX_DELETED):
            client.delete_alarms(AlarmNames=stale[first : first + MAX_DELETED])
    if stale:
        log.info("Removed %d alarms on models that serve no more", len(stale))


def stop(endpoint: str, *, digest: str, session: "boto3.Session") -> None:
    """Put the stop alarm of a bundle's rollout into ALARM, by a metric value.

    A state that is set by hand lasts only until CloudWatch judges the alarm's metric again.

    Raises:
        AwsError: when CloudWatch refuses.
    """
    with translated_errors(f"Stopping the rollout at {endpoint}"):
        datum = {"MetricName": STOP, "Dimensions": _of_model(endpoint, digest), "Value": 1.0}
        session.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=[datum])


def stop_alarm(endpoint: str, *, digest: str) -> str:
    """Return the name of the alarm that `stop` sets off."""
    return f"{endpoint}-{digest[:DIGEST_LENGTH]}-stop"


def in_alarm(names: list[str]) -> list[str]:
    """Return the names of those alarms that are in ALARM now."""
    with translated_errors("Reading the alarms"):
        found = find_alarms(names, open_session().client("cloudwatch"))
    return [name for name, alarm in found.items() if alarm["StateValue"] == "ALARM"]


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """Yield each difference between two alarms, as `Threshold 1.0 -> 2.0`."""
    for key, value in wanted.items():
        if found.get(key) != value:
            yield f"{key} {found.get(key)} -> {value}"


def _of_model(endpoint: str, digest: str) -> list[dict[str, str]]:
    return _listed({"Endpoint": endpoint, "Model": digest[:DIGEST_LENGTH]})


def _listed(dimensions: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def _evaluation(limit: float, watch: AlarmPolicy) -> Alarm:
    return {
        "Threshold": float(limit),
        "ComparisonOperator": "GreaterThanThreshold",
        "Period": PERIOD_SECONDS,
        "EvaluationPeriods": watch.periods,
        # An endpoint without requests has no metrics, and no problem.
        "TreatMissingData": "notBreaching",
    }
