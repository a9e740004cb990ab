"""What AWS calls need of IAM: the record that roles are compared with."""

import re
from collections.abc import Iterable, Mapping

# IAM names an action as the operation, but for these.
ACTIONS = {
    ("s3", "HeadObject"): "GetObject",
    ("s3", "HeadBucket"): "ListBucket",
    ("s3", "ListObjects"): "ListBucket",
    ("s3", "ListObjectsV2"): "ListBucket",
    ("s3", "CreateMultipartUpload"): "PutObject",
    ("s3", "UploadPart"): "PutObject",
    ("s3", "CompleteMultipartUpload"): "PutObject",
    ("s3", "DeleteObjects"): "DeleteObject",
}
SERVICES = {"monitoring": "cloudwatch", "sagemaker-runtime": "sagemaker"}
# What names resources among the members of a request.
KINDS = {
    "EndpointName": "endpoint",
    "EndpointConfigName": "endpoint-config",
    "ModelName": "model",
    "AlarmName": "alarm",
    "AlarmNames": "alarm",
    "AlarmNamePrefix": "alarm",
    "Namespace": "metrics",
    "ExecutionRoleArn": "role",
    "executionRoleArn": "role",
    "applicationId": "application",
    "jobRunId": "jobrun",
}
# An alarm names the metric that it is on; what is allowed is the alarm.
BESIDE = {("PutMetricAlarm", "metrics")}

Record = dict[str, dict[str, dict[str, list[str]]]]


def record(calls: Iterable[Mapping[str, object]]) -> Record:
    """Role, step and action to the resources, with what differs from run to run as asterisks."""
    found: dict[str, dict[str, dict[str, set[str]]]] = {}
    for call in calls:
        steps = found.setdefault(str(call["caller"]), {})
        for action, resource in _needs(call):
            held = steps.setdefault(str(call["step"]), {}).setdefault(action, set())
            held.add(resource)
    return {
        role: {
            step: {action: sorted(named) for action, named in sorted(actions.items())}
            for step, actions in sorted(steps.items())
        }
        for role, steps in sorted(found.items())
    }


def _needs(call: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    service, operation = str(call["service"]), str(call["operation"])
    named = [str(name) for name in call["resources"]]  # type: ignore[attr-defined]
    action = ACTIONS.get((service, operation), operation)
    if service == "s3":
        for name in named:
            yield f"s3:{action}", _shorten(name)
        return
    pairs = [name.partition(":") for name in named]
    found = [
        (KINDS[member], f"{value}*" if member.endswith("Prefix") else value)
        for member, _, value in pairs
        if member in KINDS and (operation, KINDS[member]) not in BESIDE
    ]
    if "jobrun" in dict(found):  # a run is named within its application
        found = [("jobrun", "*")]
    for kind, value in found or [("*", "*")]:
        if kind == "role":
            yield "iam:PassRole", "role"
        else:
            yield f"{SERVICES.get(service, service)}:{action}", f"{kind}/{_undated(value)}"


def _shorten(name: str) -> str:
    """A prefix two folders deep: which table, or whose artefacts; and what is hidden in a table."""
    bucket, mark, prefix = name.partition("?")
    if mark:
        return f"{bucket}?{'/'.join(prefix.split('/')[:2])}"
    parts = name.split("/")
    deep = 3 if parts[0] == "lake" or parts[1] == "captured" else 2
    deep += len(parts) > deep and parts[deep].startswith(".")
    return "/".join(parts[:deep]) + ("/*" if len(parts) > deep else "")


def _undated(name: str) -> str:
    """A name without the digests in it."""
    return re.sub(r"(-[0-9a-f]{6,})+", "-*", name)
