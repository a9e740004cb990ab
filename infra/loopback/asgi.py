"""The check of Host and Origin around an ASGI application: requests and WebSockets."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from infra.loopback.rule import OwnAddresses, find_refusal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY_VIOLATION = 1008


class LoopbackMiddleware:
    """ASGI middleware that refuses what `own` does not allow."""

    def __init__(self, app: Application, *, own: OwnAddresses) -> None:
        self._app = app
        self._own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers: dict[str, str] = {}
        for raw, value in scope["headers"]:
            name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
            headers[name] = f"{headers[name]}, {text}" if name in headers else text
        # Servers of ASGI tell only the path of an absolute target; its Host they leave.
        refusal = find_refusal(self._own, headers, method=scope.get("method", "GET"), target="/")
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            kind = [(b"content-type", b"text/plain; charset=utf-8")]
            status = refusal.status.value
            await send({"type": "http.response.start", "status": status, "headers": kind})
            await send({"type": "http.response.body", "body": f"{refusal.text}\n".encode()})
