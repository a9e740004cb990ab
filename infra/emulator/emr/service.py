"""EMR Serverless's operations on job runs: start, list, describe, cancel.

Every application exists; a job needs what `infra.emulator.emr.run` can run.
"""

import contextlib
import threading
from pathlib import Path

from infra.emulator.emr.run import JobRun
from infra.emulator.protocol import CallLog, Content, ServiceError

ACCOUNT, RELEASE = "123456789012", "emr-spark-8.0.0"


class Service:
    """The runs, and what each operation does with them."""

    def __init__(self, home: Path, master: str) -> None:
        self._home, self._master = home, master
        self._lock = threading.Lock()
        self._runs: dict[str, JobRun] = {}
        self._by_token: dict[str, str] = {}
        self.lost: dict[str, int] = {}
        self.calls = CallLog()

    def answer(self, operation: str, parameters: Content) -> Content:
        """Carry out an operation.

        Raises:
            ServiceError: when it cannot be.
        """
        with self._lock:
            carry_out = {
                "StartJobRun": self._start,
                "GetJobRun": lambda a: {"jobRun": self._describe(self._find(a))},
                "ListJobRuns": self._list,
                "CancelJobRun": self._cancel,
                "GetApplication": _describe_application,
            }[operation]
            return carry_out(parameters)

    def loses(self, operation: str) -> bool:
        """Return True if the answer to a call is to be lost."""
        with self._lock:
            left = self.lost.get(operation, 0)
            self.lost[operation] = max(left - 1, 0)
            return left > 0

    def stop(self) -> None:
        """End every run."""
        for run in list(self._runs.values()):
            with contextlib.suppress(ServiceError):  # it has ended by itself
                run.cancel()

    def _start(self, parameters: Content) -> Content:
        number = self._by_token.get(parameters["clientToken"])
        if number is None:
            number = f"00f{len(self._runs):013x}"
            folder = self._home / number
            folder.mkdir(parents=True)
            self._runs[number] = JobRun(number, parameters, folder=folder, master=self._master)
            self._by_token[parameters["clientToken"]] = number
        return {
            "applicationId": parameters["applicationId"],
            "jobRunId": number,
            "arn": _arn(parameters["applicationId"], number),
        }

    def _list(self, parameters: Content) -> Content:
        wanted = set(parameters.get("states") or [])
        found = [r for r in reversed(self._runs.values()) if not wanted or r.state in wanted]
        start, size = int(parameters.get("nextToken") or 0), int(parameters.get("maxResults") or 50)
        page = [self._describe(run) | {"id": run.number} for run in found[start : start + size]]
        more = {"nextToken": str(start + size)} if start + size < len(found) else {}
        return {"jobRuns": page, **more}

    def _cancel(self, parameters: Content) -> Content:
        self._find(parameters).cancel()
        return {"applicationId": parameters["applicationId"], "jobRunId": parameters["jobRunId"]}

    def _find(self, parameters: Content) -> JobRun:
        run = self._runs.get(parameters["jobRunId"])
        if run is None or run.request["applicationId"] != parameters["applicationId"]:
            raise ServiceError(
                "ResourceNotFoundException", f"Job run {parameters['jobRunId']} does not exist",
                status=404,
            )  # fmt: skip
        return run

    @staticmethod
    def _describe(run: JobRun) -> Content:
        parameters = run.request
        return {
            "applicationId": parameters["applicationId"],
            "jobRunId": run.number,
            "name": parameters.get("name"),
            "arn": _arn(parameters["applicationId"], run.number),
            "createdBy": f"arn:aws:iam::{ACCOUNT}:root",
            "createdAt": run.created,
            "updatedAt": run.updated,
            "executionRole": parameters["executionRoleArn"],
            "state": run.state,
            "stateDetails": run.details,
            "releaseLabel": RELEASE,
            "jobDriver": parameters.get("jobDriver"),
        }


def _describe_application(parameters: Content) -> Content:
    number = parameters["applicationId"]
    return {
        "application": {
            "applicationId": number,
            "arn": f"arn:aws:emr-serverless:us-east-1:{ACCOUNT}:/applications/{number}",
            "releaseLabel": RELEASE,
            "type": "SPARK",
            "state": "STARTED",
            "createdAt": 0,
            "updatedAt": 0,
            "monitoringConfiguration": {
                "cloudWatchLoggingConfiguration": {"enabled": True, "logGroupName": "spark"}
            },
        }
    }


def _arn(application: str, run: str) -> str:
    return f"arn:aws:emr-serverless:us-east-1:{ACCOUNT}:/applications/{application}/jobruns/{run}"
