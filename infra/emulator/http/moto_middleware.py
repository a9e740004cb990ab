"""WSGI middleware before moto: logs each call and injects armed faults.

moto has no failures of its own; a client that was never throttled has never been tested. The
server's own calls (of the alarms' evaluator, of artefacts) pass unseen: AWS's are unseen too.
"""

import io
import json
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any
from xml.sax.saxutils import escape

from infra.emulator.faults import POLL_SECONDS, ApiFault, Faults
from infra.emulator.protocol import CallLog, name_object, name_operation, name_service, read_members

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# The access key of this server's own clients.
OWN_KEY = "embedded"
FORM = "application/x-www-form-urlencoded"


class MotoMiddleware:
    """A WSGI application around moto's."""

    def __init__(
        self,
        moto: Application,
        *,
        faults: Faults,
        calls: CallLog,
        after: Callable[[str, str], None],
    ) -> None:
        """Wrap moto; `after` is called with service and operation of each completed call."""
        self._moto = moto
        self._faults = faults
        self._calls = calls
        self._after = after

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        signed = environ.get("HTTP_AUTHORIZATION", "")
        service = name_service(signed)
        if service is None or f"Credential={OWN_KEY}/" in signed:
            return self._moto(environ, start_response)
        operation = _operation(service, environ)
        resources = _resources(service, environ)
        self._calls.add(service, operation, signed=signed, resources=resources)
        fault = self._faults.take_call_fault(service, operation)
        if fault is None:
            return self._pass(service, operation, environ, start_response)
        if fault.effect == "error":
            # A kept connection must not find the rest of this request before the next one.
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            headers, body = write_error(fault, protocol=_protocol(service, environ))
            headers["Content-Length"] = str(len(body))
            start_response(f"{fault.status} Error", list(headers.items()))
            return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]
        if fault.effect == "lost_reply":
            for _ in self._pass(service, operation, environ, _ignore_start):
                pass
        elif fault.effect == "hang":
            hanging = self._faults.hanging(fault)
            while not hanging.is_over():
                time.sleep(POLL_SECONDS)
        return _drop(environ)

    def _pass(
        self, service: str, operation: str, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        answer = self._moto(environ, start_response)
        self._after(service, operation)
        return answer


def write_error(fault: ApiFault, *, protocol: str) -> tuple[dict[str, str], bytes]:
    """Write headers and body of an error in a protocol of AWS."""
    code, message = escape(fault.code), escape(fault.message)
    if protocol == "rest-xml":
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        headers = {"Content-Type": "application/xml"}
    elif protocol == "query":
        inner = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        body = f"<ErrorResponse>{inner}<RequestId>fault</RequestId></ErrorResponse>".encode()
        headers = {"Content-Type": "text/xml"}
    elif protocol == "cbor":
        pairs = ("__type", fault.code, "message", fault.message)
        body = b"\xa2" + b"".join(_cbor_text(text) for text in pairs)
        headers = {"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"}
    else:
        body = json.dumps({"__type": fault.code, "message": fault.message}).encode()
        headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": fault.code}
    return headers, body


def _operation(service: str, environ: Environ) -> str:
    form = ""
    if str(environ.get("CONTENT_TYPE", "")).startswith(FORM):
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(content)
        form = content.decode(errors="replace")
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    return name_operation(
        service,
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO", "/"),
        query=environ.get("QUERY_STRING", ""),
        headers=headers,
        form=form,
    )


def _resources(service: str, environ: Environ) -> list[str]:
    query = environ.get("QUERY_STRING", "")
    # Of S3 only a request that names many in its body; others' bodies are whole objects.
    if service == "s3" and not (environ["REQUEST_METHOD"] == "POST" and "delete" in query):
        return name_object(environ.get("PATH_INFO", "/"), query)
    content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(content)
    if service == "s3":
        return name_object(environ.get("PATH_INFO", "/"), query, content)
    return read_members(content, protocol=_protocol(service, environ))


def _protocol(service: str, environ: Environ) -> str:
    if "HTTP_SMITHY_PROTOCOL" in environ:
        return "cbor"
    if "HTTP_X_AMZ_TARGET" in environ:
        return "json"
    if str(environ.get("CONTENT_TYPE", "")).startswith(FORM):
        return "query"
    return "rest-xml" if service == "s3" else "rest-json"


def _cbor_text(text: str) -> bytes:
    content = text.encode()
    return b"\x7a" + len(content).to_bytes(4, "big") + content


def _ignore_start(*_: object) -> Callable[[bytes], None]:
    return lambda _: None


def _drop(environ: Environ) -> Iterable[bytes]:
    """Close the connection, so that werkzeug ends the request without an answer."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("An armed fault closed the connection.")
