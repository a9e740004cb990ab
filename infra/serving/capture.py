"""One captured request and its answer, as the line that SageMaker's data capture writes.

The platform captures in front of the container; where there is none, the container does it itself.
Both write these lines, so whoever reads them need not know which it was.
"""

import base64
import uuid
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
) -> bytes:
    """A line of JSON, with its line end.

    Args:
        body: of the request.
        answer: body of the reply; empty where only requests are captured.
        body_type: content type of the request.
        answer_type: content type of the reply.
        inference_id: the client's id, which joins the label later; None when it sent none.
        time: when it was asked.
    """
    captured = {"endpointInput": _payload(body, body_type, mode="INPUT")}
    if answer:
        captured["endpointOutput"] = _payload(answer, answer_type, mode="OUTPUT")
    about = {"eventId": str(uuid.uuid4()), "inferenceTime": f"{time.astimezone(UTC):%FT%TZ}"}
    if inference_id:
        about["inferenceId"] = inference_id
    line = {"captureData": captured, "eventMetadata": about, "eventVersion": "0"}
    return msgspec.json.encode(line) + b"\n"


def _payload(content: bytes, kind: str, *, mode: str) -> dict[str, str]:
    encoding = ENCODINGS.get(kind.partition(";")[0].strip(), "BASE64")
    data = base64.b64encode(content) if encoding == "BASE64" else content
    return {
        "observedContentType": kind,
        "mode": mode,
        "data": data.decode(errors="replace"),
        "encoding": encoding,
    }
