"""The HTTP side: AWS's JSON protocol on `/`, invocations, and `/health`."""

import json
import logging

import aiohttp
from aiohttp import web

from infra.embedded.endpoint import Endpoint
from infra.embedded.operations import ControlPlane
from infra.embedded.protocol import (
    ServiceError,
    is_operation,
    read_request,
    write_refusal,
    write_reply,
)

log = logging.getLogger(__name__)

# The container refuses above 6 MiB itself; this only bounds what is read for it.
MAX_BODY_BYTES = 8 * 1024 * 1024
INVOKE_SECONDS = 60
AMZ_JSON = "application/x-amz-json-1.1"
HEADER = "X-Amzn-SageMaker-"


class Server:
    """Routes requests to the control plane and to containers."""

    def __init__(self, plane: ControlPlane, http: aiohttp.ClientSession) -> None:
        self._plane = plane
        self._http = http
        self._is_restored = False

    def build(self) -> web.Application:
        """The aiohttp application."""
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        application.router.add_post("/", self._control)
        application.router.add_post("/endpoints/{name}/invocations", self._invoke)
        application.router.add_get("/health", self._health)
        return application

    async def restore(self) -> None:
        """Bring the endpoints back; from then on `/health` answers 200."""
        await self._plane.restore()
        self._is_restored = True

    async def _health(self, _: web.Request) -> web.Response:
        endpoints = {name: endpoint.status for name, endpoint in self._plane.endpoints.items()}
        status = "ok" if self._is_restored else "starting"
        return web.json_response(
            {"status": status, "endpoints": endpoints}, status=200 if self._is_restored else 503
        )

    async def _control(self, request: web.Request) -> web.Response:
        operation = request.headers.get("X-Amz-Target", "").removeprefix("SageMaker.")
        try:
            if not is_operation(operation):
                raise ServiceError("UnknownOperationException", f"SageMaker has no {operation!r}.")
            answer = self._plane.find(operation)
            content = answer(read_request(operation, await request.read()))
        except ServiceError as refusal:
            return web.Response(
                body=write_refusal(refusal), status=refusal.status, content_type=AMZ_JSON
            )
        return web.Response(body=write_reply(operation, content), content_type=AMZ_JSON)

    async def _invoke(self, request: web.Request) -> web.Response:
        try:
            return await self._forward(request, self._find(request.match_info["name"]))
        except ServiceError as refusal:
            return _refuse_invocation(refusal.code, str(refusal), status=refusal.status)

    def _find(self, name: str) -> Endpoint:
        if name not in self._plane.endpoints:
            raise ServiceError("ValidationError", f"Endpoint {name} not found.")
        return self._plane.endpoints[name]

    async def _forward(self, request: web.Request, endpoint: Endpoint) -> web.Response:
        body = await request.read()
        variant, instance = endpoint.route(request.headers.get(f"{HEADER}Target-Variant"))
        kept = {
            "Content-Type": request.content_type,
            "Accept": request.headers.get("Accept", "*/*"),
        }
        kept |= {
            name: request.headers[name]
            for name in (f"{HEADER}Inference-Id", f"{HEADER}Custom-Attributes")
            if name in request.headers
        }
        instance.in_flight += 1
        try:
            async with self._http.post(
                f"{instance.address}/invocations",
                data=body,
                headers=kept,
                timeout=aiohttp.ClientTimeout(total=INVOKE_SECONDS),
            ) as answer:
                content = await answer.read()
                status, kind = answer.status, answer.content_type
        except (aiohttp.ClientError, TimeoutError) as error:
            status, kind, content = 503, "text/plain", f"{type(error).__name__}: {error}".encode()
        finally:
            instance.in_flight -= 1
        if status >= 400:  # noqa: PLR2004 -- where HTTP's errors begin
            return _model_error(variant, status, content.decode(errors="replace"))
        headers = {"x-Amzn-Invoked-Production-Variant": variant, "Content-Type": kind}
        return web.Response(body=content, headers=headers)


def _model_error(variant: str, status: int, original: str) -> web.Response:
    fault = "client" if status < 500 else "server"  # noqa: PLR2004
    message = f'Received {fault} error ({status}) from {variant} with message "{original}".'
    more = {"OriginalStatusCode": status, "OriginalMessage": original, "LogStreamArn": ""}
    return _refuse_invocation("ModelError", message, status=424, **more)


def _refuse_invocation(code: str, message: str, *, status: int, **more: object) -> web.Response:
    return web.Response(
        body=json.dumps({"Message": message, **more}).encode(),
        status=status,
        headers={"x-amzn-ErrorType": code},
        content_type="application/json",
    )
