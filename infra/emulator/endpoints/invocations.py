"""InvokeEndpoint: routing of a request to a container, its metrics, capture and shadow copy.

The shadow, the metrics and the capture take part without a wait: what they do with a request can
neither slow nor fail the client's answer.
"""

import json
from collections.abc import Mapping
from time import perf_counter

from infra.emulator.endpoints.fleet import Fleet
from infra.emulator.host import Host
from infra.emulator.http import Answer, Request
from infra.emulator.operations import ControlPlane
from infra.emulator.protocol import ServiceError

FIRST_ERROR, FIRST_SERVER_ERROR = 400, 500
HEADER = "x-amzn-sagemaker-"
# What of a request's headers reaches the container, as on AWS.
PASSED = (
    "content-type", "accept", f"{HEADER}inference-id", f"{HEADER}custom-attributes",
)  # fmt: skip
# As botocore's model of the runtime has them.
LIMITS = {f"{HEADER}inference-id": 64, f"{HEADER}custom-attributes": 1024}


class Invocations:
    """Forwards invocations."""

    def __init__(self, plane: ControlPlane, host: Host) -> None:
        self._plane = plane
        self._host = host

    def invoke(self, request: Request, name: str) -> None:
        """Forward an invocation of an endpoint; the reply goes out when the container answers."""
        try:
            endpoint = self._plane.endpoints.get(name)
            if endpoint is None:
                raise ServiceError("ValidationError", f"Endpoint {name} not found.")
            _refuse_headers(request.headers)
            fleet = endpoint.route()
            variant = fleet.pick(request.headers.get(f"{HEADER}target-variant"))
        except ServiceError as refusal:
            _refuse(request, refusal.code, str(refusal), status=refusal.status)
            return
        began = perf_counter()
        head = _build_head(request)
        instance = variant.pick()

        def done(answer: Answer) -> None:
            answered = perf_counter()
            _reply(request, variant.name, answer)
            self._note(name, fleet, variant.name, request, answer, model=answered - began)

        self._copy(name, fleet, head, request)
        instance.invoke(head, request.body, done)

    def _copy(self, name: str, fleet: Fleet, head: bytes, request: Request) -> None:
        """Send a copy of a request to the shadow if it is to get one."""
        instance = fleet.pick_shadow()
        if instance is None or fleet.shadow is None:
            return
        shadow = fleet.shadow.name
        began = perf_counter()

        def done(answer: Answer) -> None:
            model = perf_counter() - began
            self._note(name, fleet, shadow, request, answer, model=model)

        instance.invoke(head, request.body, done)

    def _note(
        self,
        name: str,
        fleet: Fleet,
        variant: str,
        request: Request,
        answer: Answer,
        *,
        model: float,
    ) -> None:
        overhead = perf_counter() - request.received - model
        tally = self._host.metrics.tally(name, variant)
        tally.add(answer.status, model_seconds=model, overhead_seconds=max(0.0, overhead))
        if fleet.capture is not None and answer.status < FIRST_ERROR:
            self._host.captures.offer(fleet.capture, variant, request, answer)


def _refuse_headers(headers: Mapping[str, str]) -> None:
    for name, most in LIMITS.items():
        size = len(headers.get(name, ""))
        if size > most:
            raise ServiceError(
                "ValidationError",
                f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
                f"Member must have length less than or equal to {most}, got {size}.",
            )


def _build_head(request: Request) -> bytes:
    headers = request.headers
    lines = "".join(f"{name}: {headers[name]}\r\n" for name in PASSED if name in headers)
    size = len(request.body)
    head = f"POST /invocations HTTP/1.1\r\nHost: container\r\n{lines}Content-Length: {size}\r\n\r\n"
    return head.encode("latin-1")


def _reply(request: Request, variant: str, answer: Answer) -> None:
    if answer.status >= FIRST_ERROR:
        fault = "client" if answer.status < FIRST_SERVER_ERROR else "server"
        original = answer.body.decode(errors="replace")
        message = (
            f'Received {fault} error ({answer.status}) from {variant} with message "{original}".'
        )
        more = {"OriginalStatusCode": answer.status, "OriginalMessage": original}
        _refuse(request, "ModelError", message, status=424, LogStreamArn="", **more)
        return
    headers = {"x-Amzn-Invoked-Production-Variant": variant, "Content-Type": answer.kind}
    if answer.attributes is not None:
        headers["X-Amzn-SageMaker-Custom-Attributes"] = answer.attributes
    request.reply(answer.status, answer.body, headers)


def _refuse(request: Request, code: str, message: str, *, status: int, **more: object) -> None:
    body = json.dumps({"Message": message, **more}).encode()
    headers = {"x-amzn-ErrorType": code, "Content-Type": "application/json"}
    request.reply(status, body, headers)
