"""Captured requests and answers of an endpoint, by variant and hour."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from expectations.contract import InputError
from infra.sagemaker.artifact import parse_location
from infra.sagemaker.connection import AwsError, open_session, translated_errors

if TYPE_CHECKING:
    from pathlib import Path

Features = dict[str, float | str | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """One captured row, and the answer of one model.

    Attributes:
        inference_id: the client's id of the request, with the row's place in it.
        time: of the request.
        features: as they were sent.
        version: of the model.
    """

    inference_id: str
    time: datetime
    features: Features
    score: float
    probability: float
    decision: str
    version: str


def read_captured(
    prefix: str, *, endpoint: str, variant: str, since: date | None, until: date | None
) -> Iterator[Answer]:
    """Answers of one variant, oldest hour first.

    Args:
        prefix: the `s3://` address that capture was pointed at.
        endpoint: the endpoint's name.
        variant: a production variant or a shadow.
        since: the first day, None for all before.
        until: the day after the last, None for all after.

    Raises:
        AwsError: when S3 refuses.
    """
    s3 = open_session().client("s3")
    place = parse_location(f"{prefix}/{endpoint}/{variant}/")
    with translated_errors(f"Reading what was captured at {endpoint}"):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key)
        for page in pages:
            for entry in page.get("Contents", []):
                day = _day_of(entry["Key"].removeprefix(place.key))
                if day is None or (since and day < since) or (until and day >= until):
                    continue
                found = s3.get_object(Bucket=place.bucket, Key=entry["Key"])
                try:
                    yield from parse_captured(found["Body"].iter_lines())
                except (ValueError, KeyError, TypeError) as error:
                    raise AwsError(
                        f"s3://{place.bucket}/{entry['Key']} is no file of captured requests: "
                        f"{error!r}. Move it out of there, then run it again."
                    ) from error


def _day_of(key: str) -> date | None:
    """Return the day of a captured file; None for a file of another program.

    >>> _day_of("2026/01/31/05/17-03-000-a.jsonl")
    datetime.date(2026, 1, 31)
    """
    found = re.match(r"(\d{4})/(\d{2})/(\d{2})/\d{2}/.+\.jsonl$", key)
    return None if found is None else date(*map(int, found.groups()))


def read_file(path: "Path") -> list[Answer]:
    """Answers in a captured file.

    Raises:
        InputError: when it cannot be read, or holds none of this platform's.
    """
    try:
        found = list(parse_captured(path.read_bytes().splitlines()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no file of captured requests: {error!r}. Give a JSONL file that "
            "SageMaker's data capture wrote for this endpoint."
        ) from error
    if not found:
        raise InputError(f"{path} holds no captured request with its answer.")
    return found


def parse_captured(lines: Iterable[bytes]) -> Iterator[Answer]:
    """Answers in lines of capture; what was refused, or sent as CSV, is left out."""
    for line in lines:
        if not line.strip():
            continue
        content = json.loads(line)
        captured, about = content["captureData"], content["eventMetadata"]
        request, reply = captured["endpointInput"], captured.get("endpointOutput")
        if reply is None or request["encoding"] != "JSON" or reply["encoding"] != "JSON":
            continue
        yield from _answers(json.loads(request["data"]), json.loads(reply["data"]), about)


def _answers(request: Any, reply: Any, about: dict[str, str]) -> Iterator[Answer]:
    if "predictions" not in reply:
        return
    instances = request["instances"] if "instances" in request else [request["instance"]]
    identity = about.get("inferenceId", about["eventId"])
    for number, (features, prediction) in enumerate(
        zip(instances, reply["predictions"], strict=True)
    ):
        yield Answer(
            inference_id=identity if len(instances) == 1 else f"{identity}/{number}",
            time=datetime.fromisoformat(about["inferenceTime"]),
            features=features,
            score=prediction["score"],
            probability=prediction["probability"],
            decision=prediction["decision"],
            version=reply["model"]["version"] or reply["model"]["digest"][:12],
        )
