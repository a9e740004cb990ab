"""Sandbox: an embedded SageMaker on free ports and in its own folder, for one block."""

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from infra.local.services import Ports, build_sagemaker
from infra.processes import running

# What may lead boto3 elsewhere: a dry run must not touch an account.
LEADING = (
    "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)  # fmt: skip


@contextlib.contextmanager
def own_sagemaker() -> Iterator[Path]:
    """Start a private SageMaker for boto3 in this process; yield its folder.

    Raises:
        OvernightError: when it does not start.
    """
    free = [_free_port() for _ in range(5)]
    ports = Ports(airflow=free[0], mlflow=free[1], sagemaker=free[2], aws=free[3], docs=free[4])
    address = f"http://127.0.0.1:{ports.sagemaker}"
    leading = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports.aws}",
        "AWS_ENDPOINT_URL_SAGEMAKER": address,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": address,
        "AWS_ACCESS_KEY_ID": "embedded",
        "AWS_SECRET_ACCESS_KEY": "embedded",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with (
        tempfile.TemporaryDirectory() as home,
        _environment(leading),
        running([build_sagemaker(os.environ, home=Path(home), ports=ports)]),
    ):
        yield Path(home)


@contextlib.contextmanager
def _environment(wanted: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in (*wanted, *LEADING)}
    for name in LEADING:
        os.environ.pop(name, None)
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
