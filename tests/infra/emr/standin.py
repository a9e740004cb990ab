"""The embedded EMR Serverless beside an S3, for the length of a test."""

import contextlib
import json
import os
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3
import pyspark
import pytest

from feature_jobs.executors.spark.java import find_java
from infra.emr.job import Application, Job
from infra.files.tarball import pack
from infra.processes.service import Service, running
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
        """Every operation that was asked for, in order."""
        with urllib.request.urlopen(f"{self.address}/calls") as answer:
            return [call["operation"] for call in json.load(answer)]

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
    with (
        running_store(folder) as store,
        pytest.MonkeyPatch.context() as patch,
        running_emr(folder, os.environ) as address,
    ):
        patch.setenv("AWS_ENDPOINT_URL_EMR_SERVERLESS", address)
        yield StandIn(address, folder / "runs", store)


@contextlib.contextmanager
def running_emr(folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """EMR Serverless alone: its URL. Jobs have the environment, with which they find their S3."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    service = Service(
        name="EMR Serverless",
        command=[
            sys.executable, "-m", "infra.emulator.emr",
            "--home", str(folder / "runs"), "--port", str(port),
        ],
        environment={
            **environment,
            "SPARK_HOME": str(Path(pyspark.__file__).parent),
            "JAVA_HOME": str(find_java(folder / "java")),
        },
        health=f"{address}/health",
        log=folder / "emr.log",
    )  # fmt: skip
    with running([service]):
        yield address


def put(key: str, content: bytes) -> str:
    """An object of the bucket; returns its URL."""
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)
    return f"s3://{BUCKET}/{key}"


def make_job(name: str, entry: str, *arguments: str) -> Job:
    """A job that finds the archive under some name."""
    return Job(name, entry, arguments, unpacked="packed")


def pack_own_python(path: str = "") -> bytes:
    """An archive whose interpreter is this one; `path` is where it looks for further modules."""
    looks = f'export PYTHONPATH="{path}:$PYTHONPATH"\n' if path else ""
    program = f'#!/bin/sh\n{looks}exec "{sys.executable}" "$@"\n'.encode()
    return pack({"bin/python": program}, programs=["bin/python"])
