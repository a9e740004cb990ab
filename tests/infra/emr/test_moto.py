"""moto's own EMR Serverless takes the calls too; a job there has ended well as it starts."""

from pathlib import Path

import boto3

from infra.emr.job import Application
from infra.emr.runs import run_job
from tests.infra.emr.standin import ROLE, make_job
from tests.infra.object_store import running_store


def test_moto_takes_the_start_and_tells_the_end(tmp_path: Path) -> None:
    with running_store(tmp_path):
        client = boto3.client("emr-serverless")
        made = client.create_application(
            name="spark", releaseLabel="emr-7.0.0", type="SPARK", clientToken="t"
        )
        at = Application(
            id=made["applicationId"], role=ROLE, archive="s3://bank/environment.tar.gz"
        )
        # Before its first run moto, other than AWS, says that the application does not exist.
        client.start_job_run(
            applicationId=at.id, clientToken="first", executionRoleArn=ROLE, name="first"
        )
        run_job(at, make_job("second", "s3://bank/job.py", "one"))
        runs = client.list_job_runs(applicationId=at.id)["jobRuns"]
        assert {run["name"]: run["state"] for run in runs} == {
            "first": "SUCCESS", "second": "SUCCESS",
        }  # fmt: skip
