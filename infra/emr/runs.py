"""Job runs of EMR Serverless: started once, found again by name, followed, cancelled.

A run is named by its inputs. So a step that was killed, or that never got AWS's answer,
finds its run when it is done again, and does not pay for a second one.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from tenacity import Retrying, retry_if_result, wait_exponential

from infra.emr.interruption import stopping
from infra.emr.job import Application, Job, spark_options
from infra.sagemaker import AwsError, open_session, translated_errors

LIVE = ("SUBMITTED", "PENDING", "SCHEDULED", "QUEUED", "RUNNING")
ENDED = ("SUCCESS", "FAILED", "CANCELLED")
SERVICE = "emr-serverless"
GROWING_PAUSE = wait_exponential(multiplier=0.5, exp_base=1.5, max=15.0)  # seconds
PAGE = 50
SILENT = (
    "Look whether this machine reaches AWS, or what AWS_ENDPOINT_URL_EMR_SERVERLESS and "
    "AWS_ENDPOINT_URL name."
)

log = logging.getLogger(__name__)


def run_job(application: Application, job: Job) -> None:
    """Run a job: follow its run if one is going on, else start one.

    When this process is stopped, the run is cancelled.

    Raises:
        AwsError: when the run ends otherwise than with success, with AWS's reason and where the
            driver's log is.
    """
    client = open_session().client(SERVICE)
    started: list[str] = []
    with (
        translated_errors(f"The Spark job {job.name}", unreachable=SILENT),
        stopping(lambda: _cancel(application, job, started)),
    ):
        found = _find_running(client, application, job)
        started.append(found or _start(client, application, job))
        log.info(
            "%s job run %s of application %s: %s",
            "Found" if found else "Started", started[0], application.id, job.name,
        )  # fmt: skip
        run = _follow(client, application, started[0])
        if run["state"] != "SUCCESS":
            raise AwsError(_told(client, application, run))


def _find_running(client: Any, application: Application, job: Job) -> str | None:
    runs = _list(client, application, states=list(LIVE))
    return next((run["id"] for run in runs if run.get("name") == job.name), None)


def _list(client: Any, application: Application, **filters: object) -> Iterator[Mapping[str, Any]]:
    pages = client.get_paginator("list_job_runs").paginate(
        applicationId=application.id, PaginationConfig={"PageSize": PAGE}, **filters
    )
    for page in pages:
        yield from page["jobRuns"]


def _start(client: Any, application: Application, job: Job) -> str:
    state = client.get_application(applicationId=application.id)["application"]["state"]
    if state == "TERMINATED":
        raise AwsError(
            f"The application {application.id} is terminated. Let OVERNIGHT_SPARK name one that "
            "is not."
        )
    before = [run for run in _list(client, application) if run.get("name") == job.name]
    options_of_job = spark_options(application, unpacked=job.unpacked)
    options = " ".join(f"--conf {key}={value}" for key, value in options_of_job.items())
    started = client.start_job_run(
        applicationId=application.id,
        # Two that start the same at once start one; one that failed may be started again.
        clientToken=f"{job.name}-{len(before)}",
        executionRoleArn=application.role,
        name=job.name,
        executionTimeoutMinutes=application.max_minutes,
        jobDriver={
            "sparkSubmit": {
                "entryPoint": job.entry,
                "entryPointArguments": list(job.arguments),
                "sparkSubmitParameters": options,
            }
        },
    )
    return str(started["jobRunId"])


def _follow(client: Any, application: Application, run: str) -> Mapping[str, Any]:
    """Poll until a run has ended; EMR Serverless ends one that takes longer than declared."""
    state = ""

    def look() -> dict[str, Any]:
        nonlocal state
        found = client.get_job_run(applicationId=application.id, jobRunId=run)["jobRun"]
        if found["state"] != state:
            state = found["state"]
            log.debug("Job run %s is %s", run, state)
        return dict(found)

    until_ended = Retrying(
        retry=retry_if_result(lambda found: found["state"] not in ENDED), wait=GROWING_PAUSE
    )
    return until_ended(look)


def _cancel(application: Application, job: Job, started: list[str]) -> None:
    """Cancel the run, with a second client because the first may be in the middle of a call."""
    client = open_session().client(SERVICE)
    with translated_errors(f"Cancelling the Spark job {job.name}", unreachable=SILENT):
        # Between the start and its answer the number is not known yet.
        run = started[0] if started else _find_running(client, application, job)
        if run is not None:
            client.cancel_job_run(applicationId=application.id, jobRunId=run)
            log.info("Cancelled job run %s of application %s", run, application.id)


def _told(client: Any, application: Application, run: Mapping[str, Any]) -> str:
    number = run["jobRunId"]
    return (
        f"Job run {number} of application {application.id} ended {run['state']}: "
        f"{run['stateDetails'] or 'AWS gives no reason'}. The driver's log: "
        f"{_log_place(client, application, number)}. Fix the cause and run the step again."
    )


def _log_place(client: Any, application: Application, run: str) -> str:
    """Location of a driver's log, from the application's settings."""
    found = client.get_application(applicationId=application.id)["application"]
    monitoring = found.get("monitoringConfiguration") or {}
    stream = f"applications/{application.id}/jobs/{run}/SPARK_DRIVER"
    watch = monitoring.get("cloudWatchLoggingConfiguration") or {}
    if watch.get("enabled"):
        prefix = watch.get("logStreamNamePrefix")
        streams = f"{prefix}/{stream}" if prefix else stream
        group = watch.get("logGroupName", "/aws/emr-serverless")
        return f"CloudWatch, group {group}, streams {streams}/"
    bucket = (monitoring.get("s3MonitoringConfiguration") or {}).get("logUri")
    if bucket:
        return f"{bucket.rstrip('/')}/{stream}/"
    return (
        f'"aws emr-serverless get-dashboard-for-job-run --application-id {application.id} '
        f'--job-run-id {run}"'
    )
