"""The SageMaker container's HTTP side, `GET /ping` and `POST /invocations`, as raw ASGI.

Two routes need no framework, and a request spends its time in the model. One worker scores on
the event loop: a thread would cost more than the 15 us of a row.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from infra.serving.scorer import Prediction, Scorer
from infra.serving.signature import RequestError

MAX_BODY_BYTES = 6 * 1024 * 1024
JSON = "application/json"

# ASGI itself defines its messages as mappings of any values.
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Invocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request; the signature checks the features of each instance."""

    instances: list[dict[str, object]]


class Application:
    """Answers requests with one scorer."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._model = {"name": scorer.bundle.name, "digest": scorer.bundle.digest}
        self._decoders = {JSON: msgspec.json.Decoder(Invocation)}
        self._encoder = msgspec.json.Encoder()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; every refusal has a JSON body that says why."""
        try:
            status, body = 200, await self._answer(scope, receive)
        except RequestError as error:
            status, body = error.status, self._encoder.encode(_describe(error))
        headers = [(b"content-type", JSON.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Message, receive: Receive) -> bytes:
        path, method = scope["path"], scope["method"]
        if path == "/ping":
            _refuse_method(method, allowed="GET")
            return self._encoder.encode({"status": "ready", "model": self._model})
        if path == "/invocations":
            _refuse_method(method, allowed="POST")
            predictions = self._scorer.score(await self._read(scope, receive))
            return self._encoder.encode(self._reply(predictions))
        raise RequestError(f"No such path: {path}. There are /ping and /invocations.", status=404)

    async def _read(self, scope: Message, receive: Receive) -> list[dict[str, object]]:
        headers = dict(scope["headers"])
        kind = headers.get(b"content-type", JSON.encode()).decode("latin-1").split(";")[0].strip()
        if kind not in self._decoders:
            raise RequestError(
                f"Content type {kind} cannot be read; send {', '.join(self._decoders)}.", status=415
            )
        body = await _read_body(receive)
        try:
            return self._decoders[kind].decode(body).instances
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RequestError(f'The body is not {{"instances": [{{…}}, …]}}: {error}') from error

    def _reply(self, predictions: list[Prediction]) -> dict[str, object]:
        return {"predictions": predictions, "model": self._model}


def _describe(error: RequestError) -> dict[str, object]:
    return {"error": {"message": str(error), "problems": error.problems}}


def _refuse_method(method: str, *, allowed: str) -> None:
    if method != allowed:
        raise RequestError(f"{method} is not allowed here; use {allowed}.", status=405)


async def _read_body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestError("The client went away before its body was read.")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise RequestError(
                f"The body is larger than {MAX_BODY_BYTES:,} bytes; send fewer instances.",
                status=413,
            )
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)
