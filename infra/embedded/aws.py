"""moto in this process, as every AWS service that is not SageMaker: S3, CloudWatch, IAM."""

from typing import TYPE_CHECKING

import boto3

from infra.embedded.resources import REGION

if TYPE_CHECKING:
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer


class Aws:
    """The stand-in's address, and what the endpoints ask of it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: ThreadedMotoServer | None = None
        access = {"aws_access_key_id": "embedded", "aws_secret_access_key": "embedded"}
        address = f"http://127.0.0.1:{port}"
        self._s3 = boto3.client("s3", region_name=REGION, endpoint_url=address, **access)
        self._alarms = boto3.client(
            "cloudwatch", region_name=REGION, endpoint_url=address, **access
        )

    def start(self) -> None:
        """Listen; the port must be free."""
        from moto.moto_server.threaded_moto_server import ThreadedMotoServer

        self._server = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        """Stop listening; what moto held is gone."""
        if self._server is not None:
            self._server.stop()

    def read_object(self, bucket: str, key: str) -> bytes:
        """An object of S3.

        Raises:
            botocore.exceptions.ClientError: when there is none.
        """
        return bytes(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def ringing(self, alarms: list[str]) -> list[str]:
        """Those of some CloudWatch alarms that are in the state ALARM."""
        if not alarms:
            return []
        # moto does not filter by state when it filters by name.
        found = self._alarms.describe_alarms(AlarmNames=alarms)["MetricAlarms"]
        return [alarm["AlarmName"] for alarm in found if alarm["StateValue"] == "ALARM"]
