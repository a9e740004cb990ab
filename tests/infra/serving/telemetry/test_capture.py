import json
import os
import uuid
from datetime import UTC, datetime

from infra.serving.telemetry.capture import capture_line


def event_id():
    line = capture_line(
        b"{}", b"{}", body_type="application/json", answer_type="application/json",
        inference_id=None, time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )  # fmt: skip
    return json.loads(line)["eventMetadata"]["eventId"]


def test_an_event_id_is_a_uuid_of_version_4_and_no_two_are_alike():
    drawn = [event_id() for _ in range(1_000)]
    assert {uuid.UUID(text).version for text in drawn} == {4}
    assert {uuid.UUID(text).variant for text in drawn} == {uuid.RFC_4122}
    assert len(set(drawn)) == 1_000


def test_a_forked_process_draws_other_event_ids():
    event_id()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, event_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 100).decode() != event_id()
    os.close(reader)
    os.close(writer)
