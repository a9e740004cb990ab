"""One captured request and its answer, as the line that SageMaker's data capture writes.

The platform captures in front of the container; where there is none, the container does it itself.
Both write these lines in one format.
"""

import base64
import functools
import os
import random
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

# How SageMaker writes a payload by its content type; all else is base64.
ENCODINGS = {"application/json": "JSON", "text/csv": "CSV"}


def capture_line(
    body: bytes,
    answer: bytes,
    *,
    body_type: str,
    answer_type: str,
    inference_id: str | None,
    time: datetime,
    custom_attributes: str | None = None,
    encodings: Mapping[str, str] = ENCODINGS,
) -> bytes:
    """Return a line of JSON, with its line end.

    Args:
        body: of the request; empty where only answers are captured.
        answer: body of the reply; empty where only requests are captured.
        body_type: content type of the request.
        answer_type: content type of the reply.
        inference_id: the client's id, which joins the label later; None when it sent none.
        time: of the request.
        custom_attributes: what the client sent along, as it sent it.
        encodings: JSON or CSV by content type; all else is base64.
    """
    captured = {}
    if body:
        captured["endpointInput"] = _payload(body, body_type, mode="INPUT", encodings=encodings)
    if answer:
        captured["endpointOutput"] = _payload(
            answer, answer_type, mode="OUTPUT", encodings=encodings
        )
    about: dict[str, str | list[str]] = {
        "eventId": _event_id(),
        "inferenceTime": _shown(int(time.timestamp())),
    }
    if inference_id:
        about["inferenceId"] = inference_id
    if custom_attributes:
        about["customAttributes"] = [custom_attributes]
    line = {"captureData": captured, "eventMetadata": about, "eventVersion": "0"}
    return msgspec.json.encode(line) + b"\n"


def _event_id() -> str:
    """Make a UUID of version 4; this process's own generator is faster than the system's."""
    drawn = _chance(os.getpid()).getrandbits(128)
    text = f"{drawn:032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[drawn & 3]}{text[17:20]}-{text[20:]}"


@functools.lru_cache(maxsize=2)
def _chance(_: int) -> random.Random:
    """Return a generator for each process: forked workers must not draw the same ids."""
    return random.Random()  # noqa: S311 -- an id is no secret


@functools.lru_cache(maxsize=8)
def _shown(second: int) -> str:
    """Format a second of the epoch; cached because many requests share it."""
    return f"{datetime.fromtimestamp(second, UTC):%FT%TZ}"


def _payload(
    content: bytes, kind: str, *, mode: str, encodings: Mapping[str, str]
) -> dict[str, str]:
    encoding = encodings.get(kind.partition(";")[0].strip(), "BASE64")
    data = base64.b64encode(content) if encoding == "BASE64" else content
    return {
        "observedContentType": kind,
        "mode": mode,
        "data": data.decode(errors="replace"),
        "encoding": encoding,
    }
