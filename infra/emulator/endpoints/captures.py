"""Data capture: requests and answers, written as SageMaker writes them, in batches to S3.

A capture must never slow an invocation: it is one append to a queue of bounded length. Files are
kept below the server's home too, because moto forgets its buckets at every restart.
"""

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from infra.emulator.aws import Aws
from infra.emulator.endpoints.sampler import Sampler
from infra.emulator.http import Answer, Request
from infra.emulator.protocol import Content
from infra.serving.telemetry import capture_line

log = logging.getLogger(__name__)

# 10,000 rows of 2 KiB are 20 MiB; what comes faster than it is written is counted and dropped.
MAX_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class Captured:
    """One captured invocation."""

    plan: "CapturePlan"
    variant: str
    request: Request
    answer: Answer
    time: datetime


class CapturePlan:
    """The capture of one fleet, from the DataCaptureConfig of its endpoint config.

    Attributes:
        endpoint: its name.
        bucket: where files go.
        prefix: the first part of their keys.
    """

    def __init__(self, endpoint: str, content: Content) -> None:
        self.endpoint = endpoint
        self._sampler = Sampler(int(content["InitialSamplingPercentage"]) / 100)
        modes = {option["CaptureMode"] for option in content["CaptureOptions"]}
        self._has_input = bool(modes & {"Input", "InputAndOutput"})
        self._has_output = bool(modes & {"Output", "InputAndOutput"})
        address = urlsplit(content["DestinationS3Uri"])
        self.bucket, self.prefix = address.netloc, address.path.strip("/")
        header = content.get("CaptureContentTypeHeader", {})
        self._encodings = dict.fromkeys(header.get("JsonContentTypes", []), "JSON")
        self._encodings |= dict.fromkeys(header.get("CsvContentTypes", []), "CSV")

    def is_chosen(self) -> bool:
        """Return True if the next invocation is captured; shares are dealt out, not drawn."""
        return self._sampler.take()

    def line(self, captured: Captured) -> bytes:
        """Return the line of an invocation."""
        headers = captured.request.headers
        return capture_line(
            captured.request.body if self._has_input else b"",
            captured.answer.body if self._has_output else b"",
            body_type=headers.get("content-type", ""),
            answer_type=captured.answer.kind,
            inference_id=headers.get("x-amzn-sagemaker-inference-id"),
            custom_attributes=headers.get("x-amzn-sagemaker-custom-attributes"),
            encodings=self._encodings,
            time=captured.time,
        )


class Captures:
    """Captured records that are not written yet."""

    def __init__(self, home: Path, aws: Aws) -> None:
        self._home = home
        self._aws = aws
        self._waiting: deque[Captured] = deque()
        self._dropped = 0

    def offer(self, plan: CapturePlan, variant: str, request: Request, answer: Answer) -> None:
        """Buffer an invocation if it is chosen and the buffer is not full."""
        if not plan.is_chosen():
            return
        if len(self._waiting) >= MAX_WAITING:
            self._dropped += 1
            return
        self._waiting.append(Captured(plan, variant, request, answer, datetime.now(tz=UTC)))

    async def keep_writing(self, *, every_seconds: float) -> None:
        """Write buffered records periodically until cancelled."""
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await self.write()
            except OSError:
                # The disk: what was taken is lost, what comes later may not be.
                log.exception("Captures were not written")

    async def write(self) -> None:
        """Write buffered records, one file for each variant and hour."""
        waiting, self._waiting = self._waiting, deque()
        if self._dropped:
            log.warning("%d captures came faster than they were written", self._dropped)
            self._dropped = 0
        if waiting:
            await asyncio.to_thread(self._write, waiting)

    def restore(self) -> None:
        """Restore the captured files in S3 after a restart."""
        for bucket in sorted(self._home.iterdir()) if self._home.is_dir() else []:
            self._aws.make_bucket(bucket.name)
            for file in sorted(path for path in bucket.rglob("*.jsonl")):
                key = file.relative_to(bucket).as_posix()
                self._aws.write_object(bucket.name, key, file.read_bytes())

    def _write(self, waiting: Iterable[Captured]) -> None:
        def folder(captured: Captured) -> tuple[str, str]:
            plan = captured.plan
            parts = (plan.prefix, plan.endpoint, captured.variant, f"{captured.time:%Y/%m/%d/%H}")
            return plan.bucket, "/".join(part for part in parts if part)

        for (bucket, prefix), group in groupby(sorted(waiting, key=folder), key=folder):
            rows = list(group)
            stamp = f"{rows[0].time:%M-%S}-{rows[0].time.microsecond // 1000:03d}"
            key = f"{prefix}/{stamp}-{uuid.uuid4()}.jsonl"
            content = b"".join(row.plan.line(row) for row in rows)
            file = self._home / bucket / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            try:
                self._aws.write_object(bucket, key, content)
            except (ClientError, BotoCoreError) as error:
                log.warning("%d captures of %s were not written: %s", len(rows), prefix, error)
