"""Every AWS call of the whole run, by role and step, is what was recorded for its role.

`tests/infra/aws/test_recorded.py` compares the record with the stack's roles, where the CDK is.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest

from feature_jobs.executors.spark.java import archive_options
from feature_jobs.executors.spark.session import JAVA_OPTIONS
from tests.crashes import bank
from tests.e2e.conftest import Installation
from tests.e2e.iam import Record, record
from tests.infra.embedded_server import running_server
from tests.infra.emr.standin import APPLICATION, ROLE, pack_own_python, running_emr

Call = dict[str, object]
ROOT = Path(__file__).parents[2]
RECORD = ROOT / "tests" / "infra" / "aws" / "recorded.json"
# Named as in the stack: the spec is demo, its artefacts lie below its name.
ROLES = ("nightly", "reviewer", "deploy")
RUN = (
    ("nightly", "open_account"), ("nightly", "night"), ("reviewer", "approve"),
    ("deploy", "deploy"), ("nightly", "second_night"), ("deploy", "operate"),
)  # fmt: skip
NAME, BUCKETS = "demo", ("lake", "artefacts")
ARCHIVE = "code/environment.tar.gz"
DELIVERED = "demo/delivered"
# Of so few rows chance decides what a gate finds and whether an alarm goes off.
CHANGES = {
    "[training]": "[gate]\nmax_calibration_factor = 1000\nmargin = 0.99\n[training]",
    "trials = 3": "trials = 1",
    "bake_seconds = 60": 'bake_seconds = 20\nbucket = "artefacts"\n'
    "watch = { score_shift = inf, missing_shift = inf }",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """All calls of all roles, in order."""
    folder = tmp_path_factory.mktemp("actions")
    with running_server(folder / "sagemaker") as server, contextlib.ExitStack() as stack:
        fill(folder)
        java = " ".join([*JAVA_OPTIONS, *archive_options()])
        spark = {**os.environ, "AWS_ACCESS_KEY_ID": "spark", "JAVA_TOOL_OPTIONS": java}
        with running_emr(folder, spark) as emr:
            rig = Installation(
                folder / "home",
                **server.environment,
                AWS_ENDPOINT_URL_EMR_SERVERLESS=emr,
                MLFLOW_TRACKING_URI=f"sqlite:///{folder / 'mlflow.db'}",
                OVERNIGHT_LAKE="s3://lake",
                OVERNIGHT_SPECS=str(folder),
                OVERNIGHT_SPARK=f"emr-serverless://{APPLICATION}",
                OVERNIGHT_SPARK_ROLE=ROLE,
                OVERNIGHT_SPARK_ARCHIVE=f"s3://artefacts/{ARCHIVE}",
            )
            bank.write_spec(folder, NAME, f"s3://lake/{DELIVERED}", CHANGES)
            recorders = {role: stack.enter_context(recording(role, NAME, rig)) for role in ROLES}
            return [call for role, chapter in RUN for call in recorders[role](chapter)]


def fill(folder: Path) -> None:
    """The buckets with what others put there: a delivery, and the environment of Spark's jobs."""
    bank.deliver(folder)
    client = boto3.client("s3")
    for bucket in BUCKETS:
        client.create_bucket(Bucket=bucket)
    for path in folder.glob("*.parquet"):
        client.upload_file(str(path), "lake", f"{DELIVERED}/{path.name}")
    client.put_object(Bucket="artefacts", Key=ARCHIVE, Body=pack_own_python(str(ROOT)))
    client.close()


@contextlib.contextmanager
def recording(role: str, spec: str, rig: Installation) -> Iterator[Callable[[str], list[Call]]]:
    """A process of a role: does a chapter, and gives its calls."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.recorder", spec, bank.AS_OF],
        env={**rig.environment, "AWS_ACCESS_KEY_ID": role},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip

    def read(chapter: str) -> list[Call]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{chapter}\n")
        process.stdin.flush()
        told = process.stdout.readline()
        assert told, f"{chapter} of {role} ended badly; it says above why"
        return list(json.loads(told))

    try:
        yield read
    finally:
        process.communicate()


def test_each_step_calls_of_aws_what_was_recorded_of_it(made: list[Call]) -> None:
    found = record(made)
    if os.environ.get("OVERNIGHT_RECORD"):
        RECORD.write_text(json.dumps(found, indent=1) + "\n")
    recorded = json.loads(RECORD.read_text())
    assert sorted(lines(found) ^ lines(recorded)) == [], (
        "These are called of AWS now or were before, and not both. If that is meant, record it "
        "anew with OVERNIGHT_RECORD=1 pytest tests/e2e/test_actions.py, then run make test-infra."
    )


def lines(found: Record) -> set[str]:
    return {
        f"{role}, {step}: {action} on {resource}"
        for role, steps in found.items()
        for step, actions in steps.items()
        for action, resources in actions.items()
        for resource in resources
    }


def test_no_call_goes_unnamed(made: list[Call]) -> None:
    assert {call["operation"] for call in made if call["operation"] == "Unknown"} == set()
    assert {call["caller"] for call in made} == {*ROLES, "spark"}
