"""What an account of AWS holds of ours, and how it becomes again what it was."""

import contextlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tests.infra.embedded_server import wait_for

SETTLED = ("InService", "Failed")
SERVED = ("EndpointName", "EndpointStatus", "EndpointConfigName")
# What PutMetricAlarm takes of what DescribeAlarms gives.
ALARM = (
    "AlarmName", "MetricName", "Namespace", "Dimensions", "Statistic", "ExtendedStatistic",
    "Period", "EvaluationPeriods", "Threshold", "ComparisonOperator", "TreatMissingData",
)  # fmt: skip


class Account:
    """The account behind an embedded server."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    @cached_property
    def _sagemaker(self) -> Any:
        return self._client("sagemaker", self._environment["AWS_ENDPOINT_URL_SAGEMAKER"])

    @cached_property
    def _s3(self) -> Any:
        return self._client("s3", self._environment["AWS_ENDPOINT_URL"])

    @cached_property
    def _cloudwatch(self) -> Any:
        return self._client("cloudwatch", self._environment["AWS_ENDPOINT_URL"])

    def _client(self, service: str, address: str) -> Any:
        given = self._environment
        return boto3.Session().client(
            service, endpoint_url=address, region_name=given["AWS_DEFAULT_REGION"],
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip

    def describe(self) -> dict[str, Any]:
        """Names of everything, and what the endpoints serve; alike for equal deployments."""
        configs = self._sagemaker.list_endpoint_configs()["EndpointConfigs"]
        buckets = [bucket["Name"] for bucket in self._s3.list_buckets()["Buckets"]]
        return {
            "buckets": buckets,
            "endpoints": [list(served) for served in self._endpoints()],
            "configs": sorted(config["EndpointConfigName"] for config in configs),
            "models": sorted(m["ModelName"] for m in self._sagemaker.list_models()["Models"]),
            "alarms": sorted(alarm["AlarmName"] for alarm in self._alarms()),
            "objects": [f"{bucket}/{key}" for bucket in buckets for key in self._keys(bucket)],
        }

    def keep(self) -> dict[str, Any]:
        """What `put_back` needs."""
        kept = [{key: alarm[key] for key in ALARM if key in alarm} for alarm in self._alarms()]
        return {**self.describe(), "alarm requests": kept}

    def put_back(self, kept: Mapping[str, Any]) -> None:
        """Make the account what it was at an earlier moment: what came since is deleted.

        What went since is made again of alarms only, so a way back cannot be gone forward.
        """
        self._put_back_endpoints({name: config for name, _, config in kept["endpoints"]})
        now = self.describe()
        for config in set(now["configs"]) - set(kept["configs"]):
            self._sagemaker.delete_endpoint_config(EndpointConfigName=config)
        for model in set(now["models"]) - set(kept["models"]):
            self._sagemaker.delete_model(ModelName=model)
        for place in set(now["objects"]) - set(kept["objects"]):
            bucket, _, key = place.partition("/")
            self._s3.delete_object(Bucket=bucket, Key=key)
        for bucket in set(now["buckets"]) - set(kept["buckets"]):
            self._drop(bucket)
        if now["alarms"] != kept["alarms"]:
            self._cloudwatch.delete_alarms(AlarmNames=now["alarms"])
            for alarm in kept["alarm requests"]:
                self._cloudwatch.put_metric_alarm(**alarm)

    def _drop(self, bucket: str) -> None:
        for entry in self._s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            self._s3.delete_object(Bucket=bucket, Key=entry["Key"])
        self._s3.delete_bucket(Bucket=bucket)

    def _put_back_endpoints(self, wanted: Mapping[str, str]) -> None:
        assert wait_for(lambda: all(status in SETTLED for _, status, _ in self._endpoints()), 60)
        for name, _, config in self._endpoints():
            if name not in wanted:
                self._sagemaker.delete_endpoint(EndpointName=name)
            elif config != wanted[name]:
                self._sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=wanted[name])
        expected = [(name, "InService", config) for name, config in wanted.items()]
        assert wait_for(lambda: self._endpoints() == expected, 60)

    def _endpoints(self) -> list[tuple[str, str, str]]:
        found = []
        for listed in self._sagemaker.list_endpoints()["Endpoints"]:
            with contextlib.suppress(ClientError):  # one that is deleted may be gone by now
                held = self._sagemaker.describe_endpoint(EndpointName=listed["EndpointName"])
                found.append(tuple(held[key] for key in SERVED))
        return found

    def _alarms(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self._cloudwatch.describe_alarms()["MetricAlarms"]
        return found

    def _keys(self, bucket: str) -> list[str]:
        found = self._s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        # What an endpoint captures of its traffic comes when it comes.
        return [entry["Key"] for entry in found if not entry["Key"].startswith("captured/")]
