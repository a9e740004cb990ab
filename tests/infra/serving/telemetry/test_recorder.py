"""The container's own capture: SageMaker's lines, in files by hour, never in the way of a score."""

import json
from datetime import UTC, datetime

from infra.serving.telemetry import recorder as room
from infra.serving.telemetry.recorder import Exchange, Recorder
from tests.infra.bundles import make_instances
from tests.infra.serving.container import Container

EVENING = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
NEXT_DAY = datetime(2026, 3, 2, 0, 0, 0, tzinfo=UTC)


class Loop:
    """Runs what was put off when told to."""

    def __init__(self):
        self.later = []

    def call_later(self, _, function):
        self.later.append(function)

    def run(self):
        while self.later:
            self.later.pop(0)()


def exchange(number, *, time=EVENING):
    return Exchange(
        body=f'{{"n": {number}}}'.encode(),
        answer=b"{}",
        body_type="application/json",
        answer_type="application/json",
        inference_id=f"t-{number}",
        time=time,
    )


def read(folder):
    return {
        path.parent.relative_to(folder).as_posix(): [
            json.loads(line) for line in path.read_text().splitlines()
        ]
        for path in folder.rglob("*.jsonl")
    }


def test_exchanges_stand_in_the_hour_when_they_were_asked_and_in_order(tmp_path):
    loop = Loop()
    recorder = Recorder(tmp_path, call_later=loop.call_later)
    for number in range(300):
        recorder.record(exchange(number, time=EVENING if number < 299 else NEXT_DAY))
    loop.run()
    recorder.close()
    found = read(tmp_path)
    assert found.keys() == {"2026/03/01/23", "2026/03/02/00"}
    ids = [line["eventMetadata"]["inferenceId"] for line in found["2026/03/01/23"]]
    assert ids == [f"t-{number}" for number in range(299)]
    assert found["2026/03/02/00"][0]["captureData"]["endpointInput"]["data"] == '{"n": 299}'
    assert recorder.dropped == 0


def test_what_waits_at_the_end_is_still_written(tmp_path):
    recorder = Recorder(tmp_path, call_later=Loop().call_later)
    recorder.record(exchange(1))
    recorder.close()
    assert len(read(tmp_path)["2026/03/01/23"]) == 1


def test_more_than_may_wait_is_dropped_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "MAX_WAITING_BYTES", 30)
    recorder = Recorder(tmp_path, call_later=Loop().call_later)
    for number in range(5):
        # Eight bytes of body and two of answer: three of them fit.
        recorder.record(exchange(number))
    recorder.close()
    assert len(read(tmp_path)["2026/03/01/23"]) == 3
    assert recorder.dropped == 2


def test_a_folder_that_cannot_be_written_costs_no_score(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    recorder = Recorder(blocked, call_later=Loop().call_later)
    recorder.record(exchange(1))
    recorder.close()
    assert recorder.dropped == 1


def test_the_container_captures_what_it_was_asked_and_answered(bundles, tmp_path):
    container = Container(bundles["v1"].folder, OVERNIGHT_CAPTURE=str(tmp_path / "captured"))
    body = json.dumps({"instances": make_instances(2, seed=5), "unknown_categories": "missing"})
    headers = {"X-Amzn-SageMaker-Inference-Id": "t-9", "Content-Type": "application/json"}
    try:
        status, answer = container.ask_raw("POST", "/invocations", body, headers)
        assert status == 200
        assert container.ask("POST", "/invocations", "{")[0] == 400
        container.process.terminate()
        assert container.process.wait(timeout=30) == 0
    finally:
        container.close()
    # A refusal is no score: there is nothing in it to monitor.
    ((line,),) = read(tmp_path / "captured").values()
    assert line["captureData"]["endpointInput"]["data"] == body
    assert line["captureData"]["endpointOutput"]["data"] == answer.decode()
    assert line["eventMetadata"]["inferenceId"] == "t-9"
