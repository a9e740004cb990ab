"""Calls of AWS that a deployment makes, and faults of them."""

# Every operation that a deployment calls, beside those that score.
CALLS = {
    "DescribeEndpoint": "sagemaker",
    "DescribeEndpointConfig": "sagemaker",
    "DescribeModel": "sagemaker",
    "CreateModel": "sagemaker",
    "CreateEndpointConfig": "sagemaker",
    "UpdateEndpoint": "sagemaker",
    "HeadBucket": "s3",
    "CreateBucket": "s3",
    "HeadObject": "s3",
    "PutObject": "s3",
    "DescribeAlarms": "monitoring",
    "PutMetricAlarm": "monitoring",
}
CHANGING = [name for name in CALLS if not name.startswith(("Describe", "Head"))]
READING = [name for name in CALLS if name not in CHANGING]


def fault(operation: str, **more: object) -> dict:
    return {"kind": "api", "service": CALLS[operation], "operation": operation, **more}
