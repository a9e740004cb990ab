"""The check of Host and Origin around a WSGI application."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from infra.loopback.rule import OwnAddresses, find_refusal

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

PREFIX = "HTTP_"
READ_BYTES = 65_536
# A client that is still sending may not see an answer; this much of a body is read for it.
DRAINED_BYTES = 1024 * 1024


def refuse_foreign(application: Application, own: OwnAddresses) -> Application:
    """Wrap an application: requests that `own` does not allow are refused."""

    def answer(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = {
            name.removeprefix(PREFIX).replace("_", "-").lower(): str(value)
            for name, value in environ.items()
            if name.startswith(PREFIX)
        }
        # Of an absolute target werkzeug makes the Host.
        refusal = find_refusal(own, headers, method=environ["REQUEST_METHOD"], target="/")
        if refusal is None:
            return application(environ, start_response)
        _drain(environ)
        body = f"{refusal.text}\n".encode()
        kind = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response(f"{refusal.status.value} {HTTPStatus(refusal.status).phrase}", kind)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    return answer


def _drain(environ: Environ) -> None:
    left = min(int(environ.get("CONTENT_LENGTH") or 0), DRAINED_BYTES)
    while left > 0:
        read = environ["wsgi.input"].read(min(left, READ_BYTES))
        if not read:
            return
        left -= len(read)
