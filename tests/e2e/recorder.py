"""Runs the steps of one role in a process of its own, and tells which AWS calls each made.

Usage: python -m tests.e2e.recorder SPEC AS_OF   (chapters on standard input, a line each)

Each role signs with an access key of its name; so do the jobs of EMR Serverless, as `spark`.
"""

import contextlib
import json
import os
import re
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import mlflow

import tests.quiet  # noqa: F401 -- for its effect
from expectations.contract import OvernightError
from pipelines import steps
from pipelines.config.spec import find_spec
from pipelines.ingestion.quarantine_replay import replay_quarantine
from tests.infra.embedded_server import wait_for

# Spec overrides of the second candidate: another model from the same training set.
OTHER = "?training.seed=2"
# Longer than a rollback takes to end it.
SLOW_SECONDS = 3600
SERVERS = ("AWS_ENDPOINT_URL_SAGEMAKER", "AWS_ENDPOINT_URL_EMR_SERVERLESS")

# Whose calls are no step's.
WATCHER = "watcher"

Step = Callable[..., str]


class Notes:
    """The calls of each step, as the servers have noted them."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def take(self, step: Step, *given: str) -> str:
        """Do a step and note its calls."""
        with self.noting(step.__name__):
            return step(*given)

    @contextlib.contextmanager
    def noting(self, name: str) -> Iterator[None]:
        """Note the calls of a block."""
        for server in SERVERS:
            ask(server, "DELETE")
        yield
        for server in SERVERS:
            self.calls += [{"step": name, **call} for call in ask(server, "GET")]


def open_account(*_: object) -> None:
    """An experiment whose files are in S3, as the managed server makes it."""
    mlflow.MlflowClient().create_experiment("demo", artifact_location="s3://artefacts/mlflow/1")


def night(notes: Notes, spec: str, as_of: str, changes: str = "") -> None:
    """As Airflow runs it."""
    given = {"as_of": as_of, "since": "", "until": "", "ask": "yes", "author": "schedule"}
    given["spec"] = notes.take(steps.configure, spec + changes)
    notes.take(steps.reconcile, spec)
    for link in steps.NIGHTLY:
        given[link.output] = notes.take(link.step, *link.arguments(given))


def second_night(notes: Notes, spec: str, as_of: str) -> None:
    """Of a day with a champion; then Airflow's question, and what is done by hand with tables."""
    night(notes, spec, as_of, OTHER)
    notes.take(steps.candidate, spec)
    notes.take(steps.review, spec, "2")
    notes.take(steps.answer, spec, "2", "later", "to be seen", "somebody")
    notes.take(steps.score_batch, spec, "2025-01-25", "1")
    notes.take(replay_quarantine, spec)


def approve(notes: Notes, spec: str, _: str) -> None:
    """A reviewer's session."""
    notes.take(steps.review, spec, "1")
    notes.take(steps.approve, spec, "1", "good")
    notes.take(steps.decisions, spec)


def deploy(notes: Notes, spec: str, _: str) -> None:
    """A first deployment that finds no machine, and a second."""
    arm({"kind": "insufficient_capacity", "endpoint": "demo"})
    notes.take(steps.plan, spec)
    with notes.noting("roll_out"), contextlib.suppress(OvernightError):
        steps.roll_out(spec)
    deploy_as_airflow(notes, spec)
    notes.take(steps.status, spec)


def operate(notes: Notes, spec: str, _: str) -> None:
    """A shadow, a split, a deployment over a champion, both ways back."""
    notes.take(steps.shadow, spec, "2")
    notes.take(steps.score, spec)
    assert wait_for(lambda: has_captured("AllTraffic") and has_captured("Shadow"))
    notes.take(steps.disagreements, spec)
    notes.take(steps.end, spec)
    notes.take(steps.split, spec, "2", "to see", "50")
    notes.take(steps.end, spec)
    approve_in_mlflow("2")
    notes.take(steps.reconcile, spec)
    stop_and_roll_back(notes, spec)
    leave_alarm("demo-0123456789ab-stop")
    approve_in_mlflow("2")
    deploy_as_airflow(notes, spec)
    notes.take(steps.deploy, spec)
    notes.take(steps.rollback, spec, "taken back")


def deploy_as_airflow(notes: Notes, spec: str) -> None:
    version = notes.take(steps.reconcile, spec)
    notes.take(steps.plan, spec, version)
    deployed = notes.take(steps.roll_out, spec, version)
    outcome = notes.take(steps.verify, spec, deployed)
    notes.take(steps.finalise, spec, deployed, outcome)


def stop_and_roll_back(notes: Notes, spec: str) -> None:
    """A rollback in the middle of a shift."""

    def shift() -> None:
        with contextlib.suppress(OvernightError):
            steps.roll_out(spec)

    path = find_spec(spec)
    declared = path.read_text(encoding="utf-8")
    slow = re.sub(r"(?<=bake_seconds = )\d+", str(SLOW_SECONDS), declared)
    path.write_text(slow, encoding="utf-8")
    thread = threading.Thread(target=shift)
    with notes.noting("rollback"):
        thread.start()
        assert wait_for(is_shifting)
        path.write_text(declared, encoding="utf-8")
        steps.rollback(spec, "too many alerts")
        thread.join()


def is_shifting() -> bool:
    described = own_client("sagemaker").describe_endpoint(EndpointName="demo")
    return bool(described.get("PendingDeploymentSummary", {}).get("ProductionVariants"))


def has_captured(variant: str) -> bool:
    listed = own_client("s3").list_objects_v2(
        Bucket="artefacts", Prefix=f"captured/demo/{variant}/"
    )
    return listed["KeyCount"] > 0


def own_client(service: str) -> Any:
    """A client whose calls are no step's."""
    secret = os.environ["AWS_SECRET_ACCESS_KEY"]
    return boto3.client(service, aws_access_key_id=WATCHER, aws_secret_access_key=secret)


def approve_in_mlflow(version: str) -> None:
    """As a reviewer does on MLflow's page."""
    mlflow.MlflowClient().set_registered_model_alias("demo", "approved", version)


def leave_alarm(name: str) -> None:
    """An alarm on a model that serves no more."""
    own_client("cloudwatch").put_metric_alarm(
        AlarmName=name, MetricName="Stop", Namespace="Overnight", Period=60, Statistic="Sum",
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip


def ask(server: str, method: str, path: str = "/calls", body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(os.environ[server] + path, data=data, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def arm(fault: dict[str, object]) -> None:
    ask(SERVERS[0], "POST", "/faults", fault)


def main() -> None:
    """Do each chapter that is asked for; what it called is a line of JSON."""
    spec, as_of = sys.argv[1:]
    for line in sys.stdin:
        notes = Notes()
        CHAPTERS[line.strip()](notes, spec, as_of)
        made = [call for call in notes.calls if call["caller"] != WATCHER]
        sys.stdout.write(json.dumps(made) + "\n")
        sys.stdout.flush()


CHAPTERS = {
    each.__name__: each for each in (open_account, night, second_night, approve, deploy, operate)
}
if __name__ == "__main__":
    main()
