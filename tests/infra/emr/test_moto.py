"""moto's own EMR Serverless knows the calls too; its jobs stay RUNNING for ever."""

import subprocess
import sys
from pathlib import Path

import boto3

from infra.emr.job import Application
from tests.infra.embedded_server import wait_for
from tests.infra.emr.standin import ROLE
from tests.infra.emr.test_runs import FOLLOWER
from tests.infra.object_store import running_store


def test_moto_takes_the_start_and_the_cancellation(tmp_path: Path) -> None:
    with running_store(tmp_path):
        client = boto3.client("emr-serverless")
        made = client.create_application(
            name="spark", releaseLabel="emr-7.0.0", type="SPARK", clientToken="t"
        )
        at = Application(made["applicationId"], ROLE, "s3://bank/environment.tar.gz")
        # Before its first run moto, other than AWS, says that the application does not exist.
        client.start_job_run(
            applicationId=at.id, clientToken="first", executionRoleArn=ROLE, name="first"
        )
        words = [at.id, at.role, at.archive, "second", "s3://bank/job.py", "one"]
        told = subprocess.Popen([sys.executable, "-c", FOLLOWER, *words], stderr=subprocess.DEVNULL)

        def states() -> dict[str, str]:
            runs = client.list_job_runs(applicationId=at.id)["jobRuns"]
            return {run["name"]: run["state"] for run in runs}

        assert wait_for(lambda: "second" in states(), 60)
        told.terminate()
        told.wait(timeout=60)
        assert states() == {"first": "RUNNING", "second": "CANCELLED"}
