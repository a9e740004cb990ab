"""The routes: AWS's JSON protocol on `/`, invocations, `/health`, `/faults` and `/calls`."""

import asyncio
import json
from collections.abc import Callable, Iterable

from infra.emulator.endpoints.invocations import Invocations
from infra.emulator.faults import POLL_SECONDS, ApiFault, FaultError, read_faults
from infra.emulator.host import Host
from infra.emulator.http import Request, write_error
from infra.emulator.operations import ControlPlane
from infra.emulator.protocol import (
    ServiceError,
    is_operation,
    read_members,
    read_request,
    write_refusal,
    write_reply,
)

AMZ_JSON = {"Content-Type": "application/x-amz-json-1.1"}
JSON = {"Content-Type": "application/json"}
INVOCATION = ("/endpoints/", "/invocations")


class Server:
    """Routes requests to the control plane and to containers."""

    def __init__(self, plane: ControlPlane, host: Host) -> None:
        self._plane = plane
        self._host = host
        self._invocations = Invocations(plane, host)
        self._is_restored = False
        self._hanging: set[asyncio.Task[None]] = set()
        self._routes: dict[tuple[str, str], Callable[[Request], None]] = {
            ("POST", "/"): self._control,
            ("GET", "/health"): self._health,
            ("GET", "/faults"): lambda r: _reply_json(r, host.faults.listed()),
            ("POST", "/faults"): self._arm_faults,
            ("DELETE", "/faults"): self._clear_faults,
            ("GET", "/calls"): lambda r: _reply_json(r, host.calls.listed()),
            ("DELETE", "/calls"): self._clear_calls,
        }

    async def restore(self) -> None:
        """Restore the endpoints; from then on `/health` answers 200."""
        await self._plane.restore()
        self._is_restored = True

    def handle(self, request: Request) -> None:
        """Answer a request."""
        path = request.path
        if path.startswith(INVOCATION[0]) and path.endswith(INVOCATION[1]):
            name = path[len(INVOCATION[0]) : -len(INVOCATION[1])]
            self._answer_call(
                "sagemaker-runtime",
                "InvokeEndpoint",
                request,
                lambda: self._invocations.invoke(request, name),
                resources=[f"EndpointName:{name}"],
            )
            return
        route = self._routes.get((request.method, path))
        if route is None:
            _reply_json(request, {"error": f"No {request.method} {path} here."}, status=404)
            return
        route(request)

    def _control(self, request: Request) -> None:
        operation = request.headers.get("x-amz-target", "").removeprefix("SageMaker.")
        self._answer_call(
            "sagemaker",
            operation,
            request,
            lambda: self._answer(operation, request),
            resources=read_members(request.body, protocol="json"),
        )

    def _answer(self, operation: str, request: Request) -> None:
        try:
            if not is_operation(operation):
                raise ServiceError("UnknownOperationException", f"SageMaker has no {operation!r}.")
            content = self._plane.find(operation)(read_request(operation, request.body))
        except ServiceError as refusal:
            request.reply(refusal.status, write_refusal(refusal), AMZ_JSON)
            return
        request.reply(200, write_reply(operation, content), AMZ_JSON)

    def _answer_call(
        self,
        service: str,
        operation: str,
        request: Request,
        answer: Callable[[], None],
        *,
        resources: Iterable[str],
    ) -> None:
        """Log a call, then answer it unless a fault is injected."""
        signed = request.headers.get("authorization", "")
        self._host.calls.add(service, operation, signed=signed, resources=resources)
        fault = self._host.faults.take_call_fault(service, operation)
        if fault is None:
            answer()
        elif fault.effect == "error":
            headers, body = write_error(fault, protocol="json")
            request.reply(fault.status, body, headers)
        elif fault.effect == "lost_reply":
            request.mute()
            answer()
        elif fault.effect == "drop":
            request.drop()
        else:
            task = asyncio.get_running_loop().create_task(self._hang(fault, request))
            self._hanging.add(task)
            task.add_done_callback(self._hanging.discard)

    async def _hang(self, fault: ApiFault, request: Request) -> None:
        hanging = self._host.faults.hanging(fault)
        while not hanging.is_over():
            await asyncio.sleep(POLL_SECONDS)
        request.drop()

    def _health(self, request: Request) -> None:
        endpoints = {name: endpoint.status for name, endpoint in self._plane.endpoints.items()}
        status = "ok" if self._is_restored else "starting"
        content = {"status": status, "endpoints": endpoints}
        _reply_json(request, content, status=200 if self._is_restored else 503)

    def _arm_faults(self, request: Request) -> None:
        try:
            faults = read_faults(request.body)
        except FaultError as error:
            _reply_json(request, {"error": str(error)}, status=400)
            return
        self._host.faults.arm(faults)
        self._plane.crash_live()
        _reply_json(request, self._host.faults.listed())

    def _clear_faults(self, request: Request) -> None:
        self._host.faults.clear()
        _reply_json(request, [])

    def _clear_calls(self, request: Request) -> None:
        self._host.calls.clear()
        _reply_json(request, [])


def _reply_json(request: Request, content: object, *, status: int = 200) -> None:
    request.reply(status, json.dumps(content).encode(), JSON)
