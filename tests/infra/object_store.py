"""An S3 for the length of a test: moto's server as a process.

Not as a thread of ours: delta-rs holds Python's lock while it waits for an answer.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from feature_jobs.io import storage
from infra.processes.service import Service, running
from tests.infra.embedded_server import free_port

BUCKET = "bank"


@contextlib.contextmanager
def running_store(folder: Path) -> Iterator[str]:
    """An empty bucket's URL; AWS's libraries in this process and its children talk to it."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    service = Service(
        name="S3",
        command=[sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        environment=os.environ,
        health=f"{address}/moto-api/data.json",
        log=folder / "s3.log",
    )
    with pytest.MonkeyPatch.context() as patch, running([service]):
        patch.setenv("AWS_ENDPOINT_URL", address)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        storage._remote.cache_clear()  # its clients know the address of a store before this one
        yield f"s3://{BUCKET}"
    storage._remote.cache_clear()


def list_keys(prefix: str = "") -> list[str]:
    """Keys of the bucket, in order."""
    pages = boto3.client("s3").get_paginator("list_objects_v2")
    return [
        found["Key"]
        for page in pages.paginate(Bucket=BUCKET, Prefix=prefix)
        for found in page.get("Contents", [])
    ]
