"""The container's two routes, `GET /ping` and `POST /invocations`: bytes in, bytes out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from infra.serving.model import Prediction, RequestError, Scorer
from infra.serving.requests import CsvReader, JsonReader, Request, write_csv
from infra.serving.telemetry import Exchange, Metrics, Recorder

MAX_SHOWN_PATH = 80
JSON, CSV = "application/json", "text/csv"
CHARSETS = ("utf-8", "utf8", "us-ascii")
INFERENCE_ID = b"x-amzn-sagemaker-inference-id"

Headers = Mapping[bytes, bytes]


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The response to a request."""

    status: int
    kind: str
    body: bytes


class Reader(Protocol):
    """Reads the body of a request in one format."""

    def read(self, body: bytes) -> Request:
        """Parse a body into rows, or raise RequestError."""


class Application:
    """Answers requests with one scorer."""

    def __init__(
        self,
        scorer: Scorer,
        *,
        version: str | None,
        metrics: Metrics | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        """Be ready for requests.

        Args:
            scorer: the loaded model.
            version: its number in the registry; None when not known.
            metrics: counts scored rows; None where metrics are not collected.
            recorder: captures requests and answers; None where the platform does.
        """
        self._scorer = scorer
        self._metrics = metrics
        self._recorder = recorder
        bundle = scorer.bundle
        self._model = {"name": bundle.name, "version": version, "digest": bundle.digest}
        self._readers: dict[str, Reader] = {
            JSON: JsonReader(scorer.signature),
            CSV: CsvReader(scorer.signature),
        }
        self._encode = msgspec.json.Encoder().encode

    def answer(self, method: bytes, path: bytes, headers: Headers, body: bytes) -> Answer:
        """Answer one request; every refusal has a JSON body that says why.

        Args:
            method: in capital letters.
            path: without a query.
            headers: by name in small letters.
            body: at most `limits.MAX_BODY_BYTES`.
        """
        try:
            if path == b"/invocations":
                return self._invoke(method, headers, body)
            if path == b"/ping":
                _refuse_method(method, allowed=b"GET")
                return Answer(200, JSON, self._encode({"status": "ready", "model": self._model}))
            shown = path[:MAX_SHOWN_PATH].decode("latin-1")
            raise RequestError(
                f"No such path: {shown}. There are /ping and /invocations.", status=404
            )
        except RequestError as error:
            return self.refuse(error)

    def refuse(self, error: RequestError) -> Answer:
        """Build the answer that carries an error."""
        described = {"message": str(error), "problems": error.problems}
        return Answer(error.status, JSON, self._encode({"error": described}))

    def _invoke(self, method: bytes, headers: Headers, body: bytes) -> Answer:
        _refuse_method(method, allowed=b"POST")
        content_type = headers.get(b"content-type", b"application/json").decode("latin-1")
        reader = self._reader_of(content_type)
        request = reader.read(body)
        predictions = self._scorer.predict(request.rows, reasons=request.reasons)
        answer = self._write(predictions, headers.get(b"accept", b""))
        if self._metrics is not None:
            self._metrics.count(request.rows, predictions)
        if self._recorder is not None:
            identity = headers.get(INFERENCE_ID)
            self._recorder.record(
                Exchange(
                    body=body,
                    answer=answer.body,
                    body_type=content_type,
                    answer_type=answer.kind,
                    inference_id=identity.decode("latin-1") if identity else None,
                    time=datetime.now(UTC),
                )
            )
        return answer

    def _reader_of(self, content_type: str) -> Reader:
        reader = self._readers.get(content_type)
        if reader is not None:
            return reader
        kind, _, parameters = content_type.partition(";")
        reader = self._readers.get(kind.strip().lower())
        if reader is None:
            raise RequestError(
                f"Content type {kind} cannot be read; send {' or '.join(self._readers)}.",
                status=415,
            )
        for parameter in parameters.lower().split(";"):
            name, _, value = parameter.strip().partition("=")
            if name == "charset" and value.strip('"') not in CHARSETS:
                raise RequestError(f"The charset {value} cannot be read; send UTF-8.", status=415)
        return reader

    def _write(self, predictions: list[Prediction], accept: bytes) -> Answer:
        """CSV for a client that takes nothing else; JSON in any other case."""
        if b"text/csv" in accept and b"json" not in accept:
            return Answer(200, CSV, write_csv(predictions))
        content = self._encode({"predictions": predictions, "model": self._model})
        return Answer(200, JSON, content)


def _refuse_method(method: bytes, *, allowed: bytes) -> None:
    if method != allowed:
        raise RequestError(
            f"{method.decode()} is not allowed here; use {allowed.decode()}.", status=405
        )
