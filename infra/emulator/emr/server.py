"""EMR Serverless' REST interface, read and checked by botocore's own model of it.

`POST /faults` with `{"operation": …, "times": 1}` has the answer of an operation lost after it was
done; `GET /calls` lists the calls.
"""

import json
import re
import signal
import sys
from collections.abc import Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import botocore.session
from botocore.model import OperationModel, ServiceModel, StructureShape

from infra.emulator.emr.service import Service
from infra.emulator.protocol import Content, ServiceError, refuse_invalid
from infra.loopback import OwnAddresses, own_addresses, refuse_foreign_request

OPERATIONS = ("StartJobRun", "GetJobRun", "ListJobRuns", "CancelJobRun", "GetApplication")
# Members that say what a role has to allow an operation on.
NAMING = ("applicationId", "jobRunId", "executionRoleArn")


def serve(home: Path, port: int, master: str) -> None:
    """Answer until SIGTERM; then end every run."""
    server = _Server(port, Service(home, master))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.serve_forever()
    finally:
        server.service.stop()


class _Server(ThreadingHTTPServer):
    def __init__(self, port: int, service: Service) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.service = service
        self.own = OwnAddresses(own_addresses(port))


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- its name
        """Say nothing."""

    def _handle(self) -> None:
        if refuse_foreign_request(self, self.server.own):
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, service = urlsplit(self.path).path, self.server.service
        if path == "/health":
            self._reply(200, {})
        elif path == "/calls":
            if self.command == "DELETE":
                service.calls.clear()
            self._reply(200, service.calls.listed())
        elif path == "/faults":
            fault = json.loads(body)
            service.lost[fault["operation"]] = int(fault["times"])
            self._reply(200, {})
        else:
            self._answer(body)

    do_GET = do_POST = do_DELETE = _handle  # noqa: N815 -- names of http.server

    def _answer(self, body: bytes) -> None:
        try:
            operation, parameters = read_call(self.command, self.path, body)
            service, signed = self.server.service, self.headers.get("Authorization", "")
            named = [f"{name}:{parameters[name]}" for name in NAMING if name in parameters]
            service.calls.add("emr-serverless", operation, signed=signed, resources=named)
            content = service.answer(operation, parameters)
        except ServiceError as refusal:
            headers = {"x-amzn-errortype": refusal.code}
            self._reply(refusal.status, {"message": str(refusal)}, headers)
            return
        if service.loses(operation):
            self.close_connection = True
            return
        self._reply(200, content)

    def _reply(
        self, status: int, content: object, headers: Mapping[str, str] | None = None
    ) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(text)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)


def read_call(method: str, address: str, body: bytes) -> tuple[str, Content]:
    """Read the operation of a request and its parameters.

    Raises:
        ServiceError: when there is no such operation, or its parameters are not valid.
    """
    parts = urlsplit(address)
    for name in OPERATIONS:
        operation = _load_service().operation_model(name)
        uri = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation.http["requestUri"])
        found = re.fullmatch(uri, parts.path)
        if found and operation.http["method"] == method:
            parameters = {k: unquote(v) for k, v in found.groupdict().items()}
            parameters |= _read_query(operation, parts.query)
            parameters |= json.loads(body) if body else {}
            if operation.input_shape is not None:
                refuse_invalid(parameters, operation.input_shape)
            return name, parameters
    raise ServiceError("UnknownOperationException", f"There is no {method} {parts.path} here.")


def _read_query(operation: OperationModel, query: str) -> Content:
    shape = operation.input_shape
    found: Content = {}
    assert isinstance(shape, StructureShape)
    given = parse_qs(query)
    for name, member in shape.members.items():
        values = given.get(member.serialization.get("name", name))
        if member.serialization.get("location") == "querystring" and values:
            found[name] = _read_values(values, member.type_name)
    return found


def _read_values(values: list[str], kind: str) -> list[str] | int | str:
    if kind == "list":
        return values
    return int(values[0]) if kind == "integer" else values[0]


@cache
def _load_service() -> ServiceModel:
    return botocore.session.get_session().get_service_model("emr-serverless")
