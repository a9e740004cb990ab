"""CloudWatch alarms in a file beside the state, because moto keeps them in memory only."""

import json
import threading
from pathlib import Path
from typing import Any

import boto3
import botocore.session

from infra.emulator.http import OWN_KEY
from infra.emulator.resources import REGION

CHANGES = (
    "PutMetricAlarm", "DeleteAlarms", "SetAlarmState", "EnableAlarmActions", "DisableAlarmActions",
)  # fmt: skip


class AlarmFile:
    """The metric alarms of moto's CloudWatch on disk."""

    def __init__(self, file: Path, *, aws_port: int) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._client = boto3.client(
            "cloudwatch",
            region_name=REGION,
            endpoint_url=f"http://127.0.0.1:{aws_port}",
            aws_access_key_id=OWN_KEY,
            aws_secret_access_key=OWN_KEY,
        )

    def save_after(self, service: str, operation: str) -> None:
        """Save after a call that changed an alarm; runs in the thread of the call."""
        if service == "monitoring" and operation in CHANGES:
            self.save()

    def save(self) -> None:
        """Replace the file."""
        with self._lock:
            pages = self._client.get_paginator("describe_alarms").paginate()
            alarms = [alarm for page in pages for alarm in page["MetricAlarms"]]
            aside = self._file.with_suffix(".new")
            aside.write_text(json.dumps([_saved(alarm) for alarm in alarms], indent=1))
            aside.replace(self._file)

    def restore(self) -> None:
        """Restore the saved alarms and their states after a restart."""
        if not self._file.is_file():
            return
        for alarm in json.loads(self._file.read_text()):
            self._client.put_metric_alarm(**alarm["definition"])
            self._client.set_alarm_state(
                AlarmName=alarm["definition"]["AlarmName"], **alarm["state"]
            )


def _saved(alarm: dict[str, Any]) -> dict[str, Any]:
    model = botocore.session.get_session().get_service_model("cloudwatch")
    shape = model.operation_model("PutMetricAlarm").input_shape
    members = () if shape is None else shape.members
    # An empty list of metrics and a metric's name exclude each other.
    definition = {name: alarm[name] for name in members if alarm.get(name) not in (None, [], "")}
    state = {"StateValue": alarm["StateValue"], "StateReason": alarm["StateReason"]}
    return {"definition": definition, "state": state}
