"""The embedded EMR Serverless beside an S3, for the length of a test."""

import contextlib
import json
import os
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pyspark
import pytest

from feature_jobs.java import find_java
from infra.emr.job import Application, Job
from infra.processes import Service, running
from infra.tarball import pack
from tests.infra.embedded_server import free_port
from tests.infra.object_store import BUCKET, running_store

ROLE = "arn:aws:iam::123456789012:role/spark"
APPLICATION = "00f1abcd2345ef09"


@dataclass(frozen=True, slots=True)
class StandIn:
    """Where it is, and what it is asked beside AWS's own operations."""

    address: str
    home: Path
    store: str

    def application(self, archive: str) -> Application:
        return Application(id=APPLICATION, role=ROLE, archive=f"{self.store}/{archive}")

    def calls(self) -> list[str]:
        with urllib.request.urlopen(f"{self.address}/calls") as answer:
            return list(json.load(answer))

    def started(self) -> list[dict]:
        """Every job run, the newest first."""
        return boto3.client("emr-serverless").list_job_runs(applicationId=APPLICATION)["jobRuns"]

    def lose_answer(self, operation: str) -> None:
        body = json.dumps({"operation": operation, "times": 1}).encode()
        with urllib.request.urlopen(f"{self.address}/faults", data=body):
            pass


@contextlib.contextmanager
def running_stand_in(folder: Path) -> Iterator[StandIn]:
    """Both servers; AWS's libraries in this process and its children talk to them."""
    port = free_port()
    found = StandIn(f"http://127.0.0.1:{port}", folder / "runs", f"s3://{BUCKET}")
    with running_store(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_EMR_SERVERLESS", found.address)
        service = Service(
            name="EMR Serverless",
            command=[
                sys.executable, "-m", "infra.embedded.emr",
                "--home", str(found.home), "--port", str(port),
            ],
            environment={
                **os.environ,
                "SPARK_HOME": str(Path(pyspark.__file__).parent),
                "JAVA_HOME": str(find_java(folder / "java")),
            },
            health=f"{found.address}/health",
            log=folder / "emr.log",
        )  # fmt: skip
        with running([service]):
            yield found


def put(key: str, content: bytes) -> str:
    """An object of the bucket; returns its URL."""
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)
    return f"s3://{BUCKET}/{key}"


def make_job(name: str, entry: str, *arguments: str) -> Job:
    """A job that finds the archive under some name."""
    return Job(name, entry, arguments, unpacked="packed")


def pack_own_python() -> bytes:
    """An archive whose interpreter is this one, for jobs that need nothing else."""
    program = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'.encode()
    return pack({"bin/python": program}, programs=["bin/python"])
