"""EMR Serverless' REST interface, read and checked by botocore's own model of it.

Every application exists; a job needs what `infra.embedded.emr.run` can run. `POST /faults` with
`{"operation": …, "times": 1}` has the answer of an operation lost after it was done.
"""

import json
import re
import signal
import sys
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import botocore.session
from botocore.model import OperationModel, ServiceModel, StructureShape

from infra.embedded.calls import Calls
from infra.embedded.emr.run import JobRun
from infra.embedded.protocol import Content, ServiceError, refuse_invalid

OPERATIONS = ("StartJobRun", "GetJobRun", "ListJobRuns", "CancelJobRun", "GetApplication")
# Members that say what a role has to allow an operation on.
NAMING = ("applicationId", "jobRunId", "executionRoleArn")
ACCOUNT, RELEASE = "123456789012", "emr-spark-8.0.0"


class Service:
    """The runs, and what each operation does with them."""

    def __init__(self, home: Path, master: str) -> None:
        self._home, self._master = home, master
        self._lock = threading.Lock()
        self._runs: dict[str, JobRun] = {}
        self._by_token: dict[str, str] = {}
        self.lost: dict[str, int] = {}
        self.calls = Calls()

    def answer(self, operation: str, asked: Content) -> Content:
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
            return carry_out(asked)

    def loses(self, operation: str) -> bool:
        """Whether the answer to a call is to be lost."""
        with self._lock:
            left = self.lost.get(operation, 0)
            self.lost[operation] = max(left - 1, 0)
            return left > 0

    def stop(self) -> None:
        """End every run."""
        for run in self._runs.values():
            if run.state in ("SUBMITTED", "SCHEDULED", "RUNNING"):
                run.cancel()

    def _start(self, asked: Content) -> Content:
        number = self._by_token.get(asked["clientToken"])
        if number is None:
            number = f"00f{len(self._runs):013x}"
            folder = self._home / number
            folder.mkdir(parents=True)
            self._runs[number] = JobRun(number, asked, folder=folder, master=self._master)
            self._by_token[asked["clientToken"]] = number
        return {
            "applicationId": asked["applicationId"],
            "jobRunId": number,
            "arn": _arn(asked["applicationId"], number),
        }

    def _list(self, asked: Content) -> Content:
        wanted = set(asked.get("states") or [])
        found = [r for r in reversed(self._runs.values()) if not wanted or r.state in wanted]
        start, size = int(asked.get("nextToken") or 0), int(asked.get("maxResults") or 50)
        page = [self._describe(run) | {"id": run.number} for run in found[start : start + size]]
        more = {"nextToken": str(start + size)} if start + size < len(found) else {}
        return {"jobRuns": page, **more}

    def _cancel(self, asked: Content) -> Content:
        self._find(asked).cancel()
        return {"applicationId": asked["applicationId"], "jobRunId": asked["jobRunId"]}

    def _find(self, asked: Content) -> JobRun:
        run = self._runs.get(asked["jobRunId"])
        if run is None or run.request["applicationId"] != asked["applicationId"]:
            raise ServiceError(
                "ResourceNotFoundException", f"Job run {asked['jobRunId']} does not exist",
                status=404,
            )  # fmt: skip
        return run

    @staticmethod
    def _describe(run: JobRun) -> Content:
        asked = run.request
        return {
            "applicationId": asked["applicationId"],
            "jobRunId": run.number,
            "name": asked.get("name"),
            "arn": _arn(asked["applicationId"], run.number),
            "createdBy": f"arn:aws:iam::{ACCOUNT}:root",
            "createdAt": run.created,
            "updatedAt": run.updated,
            "executionRole": asked["executionRoleArn"],
            "state": run.state,
            "stateDetails": run.details,
            "releaseLabel": RELEASE,
            "jobDriver": asked.get("jobDriver"),
        }


def _describe_application(asked: Content) -> Content:
    number = asked["applicationId"]
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


def serve(home: Path, port: int, master: str) -> None:
    """Answer until SIGTERM; then end every run."""
    service = Service(home, master)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- its name
            """Say nothing."""

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            if path == "/health":
                self._reply(200, {})
            elif path == "/calls":
                self._calls()
            elif path == "/faults":
                fault = json.loads(body)
                service.lost[fault["operation"]] = int(fault["times"])
                self._reply(200, {})
            else:
                self._answer(body)

        do_GET = do_POST = do_DELETE = _handle  # noqa: N815 -- names of http.server

        def _calls(self) -> None:
            if self.command == "DELETE":
                service.calls.clear()
            self._reply(200, service.calls.listed())

        def _answer(self, body: bytes) -> None:
            try:
                operation, asked = read_call(self.command, self.path, body)
                signed = self.headers.get("Authorization", "")
                named = [f"{name}:{asked[name]}" for name in NAMING if name in asked]
                service.calls.add("emr-serverless", operation, signed=signed, resources=named)
                content = service.answer(operation, asked)
            except ServiceError as refusal:
                headers = {"x-amzn-errortype": refusal.code}
                self._reply(refusal.status, {"message": str(refusal)}, headers)
                return
            if service.loses(operation):
                self.close_connection = True
                return
            self._reply(200, content)

        def _reply(self, status: int, content: object, headers: Any = None) -> None:
            text = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(text)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.serve_forever()
    finally:
        service.stop()


def read_call(method: str, address: str, body: bytes) -> tuple[str, Content]:
    """Which operation a request asks for, and with what.

    Raises:
        ServiceError: when there is no such operation, or it is not asked for as it has to be.
    """
    parts = urlsplit(address)
    for name in OPERATIONS:
        operation = _load_service().operation_model(name)
        uri = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation.http["requestUri"])
        found = re.fullmatch(uri, parts.path)
        if found and operation.http["method"] == method:
            asked = {k: unquote(v) for k, v in found.groupdict().items()}
            asked |= _read_query(operation, parts.query)
            asked |= json.loads(body) if body else {}
            if operation.input_shape is not None:
                refuse_invalid(asked, operation.input_shape)
            return name, asked
    raise ServiceError("UnknownOperationException", f"There is no {method} {parts.path} here.")


def _read_query(operation: OperationModel, query: str) -> Content:
    shape, found = operation.input_shape, {}
    assert isinstance(shape, StructureShape)
    given = parse_qs(query)
    for name, member in shape.members.items():
        values = given.get(member.serialization.get("name", name))
        if member.serialization.get("location") == "querystring" and values:
            kinds: dict[str, Any] = {"list": values, "integer": None}
            plain = int(values[0]) if member.type_name == "integer" else values[0]
            found[name] = kinds.get(member.type_name) or plain
    return found


@cache
def _load_service() -> ServiceModel:
    return botocore.session.get_session().get_service_model("emr-serverless")
