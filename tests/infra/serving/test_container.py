"""The container as SageMaker sees it: a real process behind a socket."""

import http.client
import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.infra.bundles import make_bundle, make_instances
from tests.infra.embedded_server import wait_for


class Container:
    def __init__(self, folder):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        descriptor = self.listener.fileno()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "infra.serving", "serve", "--fd", str(descriptor)],
            env=os.environ | {"SM_MODEL_DIR": str(folder)},
            pass_fds=[descriptor],
            stderr=subprocess.PIPE,
        )

    def ask(self, method, path, body=None, kind="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def invoke(self, instances):
        return self.ask("POST", "/invocations", json.dumps({"instances": instances}))

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.listener.close()


@pytest.fixture(scope="module")
def container(bundles):
    container = Container(bundles["v1"].folder)
    yield container
    container.close()


def test_ping_names_the_model_that_is_loaded(container, bundles):
    status, body = container.ask("GET", "/ping")
    assert status == 200
    assert body == {"status": "ready", "model": {"name": "demo", "digest": bundles["v1"].digest}}


def test_scores_have_the_bits_that_lightgbm_gives(container, bundles):
    instances = make_instances(200, seed=7)
    status, body = container.invoke(instances)
    assert status == 200
    assert [p["score"] for p in body["predictions"]] == bundles["v1"].expected(instances)


def test_a_score_from_the_threshold_on_is_an_alert(container):
    _, body = container.invoke(make_instances(200, seed=8))
    decisions = {(p["score"] >= 0.5, p["decision"], p["threshold"]) for p in body["predictions"]}
    assert decisions == {(True, "alert", "alert-budget-1.0%"), (False, "pass", "alert-budget-1.0%")}


def test_null_scores_as_a_missing_value(container, bundles):
    (instance,) = make_instances(1, seed=9)
    nulls = dict.fromkeys(instance)
    _, body = container.invoke([nulls])
    (oracle,) = bundles["v1"].booster.predict([[math.nan] * 4])
    assert body["predictions"][0]["score"] == oracle


def test_every_problem_of_every_instance_is_listed(container):
    good = make_instances(1, seed=1)[0]
    unknown = {**good, "amout": 1.0}
    missing = {name: value for name, value in good.items() if name != "amount"}
    mistyped = {**good, "amount": "12", "channel": 3, "customer_amount_mean_7d": True}
    status, body = container.invoke([good, unknown, missing, mistyped])
    assert status == 400
    assert body["error"]["problems"] == [
        "instances[1].amout: unknown feature",
        "instances[2].amount: missing; send null for an unknown value",
        "instances[3].amount: expected a number or null, got text",
        "instances[3].channel: expected text or null, got a number",
        "instances[3].customer_amount_mean_7d: expected a number or null, got a boolean",
    ]


@pytest.mark.parametrize(
    ("request_line", "body", "kind", "status"),
    [
        ("GET /", None, "application/json", 404),
        ("GET /invocations", None, "application/json", 405),
        ("POST /ping", "{}", "application/json", 405),
        ("POST /invocations", b" " * (6 * 1024 * 1024 + 1), "application/json", 413),
        ("POST /invocations", "a,b", "text/csv", 415),
        ("POST /invocations", "{", "application/json", 400),
        ("POST /invocations", '{"rows": []}', "application/json", 400),
        ("POST /invocations", '{"instances": []}', "application/json", 400),
        ("POST /invocations", '{"instances": [1]}', "application/json", 400),
        ("POST /invocations", b'{"instances": [{"\xff": 1}]}', "application/json", 400),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_reason(
    container, request_line, body, kind, status
):
    got, content = container.ask(*request_line.split(), body, kind)
    assert got == status
    assert content["error"]["message"]


def test_a_changed_model_refuses_to_start_and_says_so(tmp_path):
    made = make_bundle(tmp_path / "bundle")
    model = made.folder / "model.txt"
    model.write_text(model.read_text().replace("leaf_value=", "leaf_value=0", 1))
    container = Container(made.folder)
    try:
        assert container.process.wait(timeout=60) == 1
        assert "The bundle was changed after it was written: model_sha256" in (
            container.process.stderr.read().decode()
        )
    finally:
        container.close()


def test_a_bundle_that_scores_otherwise_than_in_training_refuses_to_start(bundles):
    container = Container(bundles["broken"].folder)
    try:
        assert container.process.wait(timeout=60) == 1
        assert "8 of 8 golden vectors score otherwise" in container.process.stderr.read().decode()
    finally:
        container.close()


def test_sigterm_finishes_the_request_in_flight_and_exits_with_0(bundles):
    container = Container(bundles["v1"].folder)
    answers = []
    body = json.dumps({"instances": make_instances(20, seed=3)}).encode()
    try:
        assert container.ask("GET", "/ping")[0] == 200
        with socket.create_connection(("127.0.0.1", container.port), timeout=30) as client:
            head = (
                "POST /invocations HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            client.sendall(head.encode() + body[:10])
            # A second answer proves that the server has read the first request's head.
            assert container.ask("GET", "/ping")[0] == 200
            reader = threading.Thread(target=lambda: answers.append(_read_all(client)))
            reader.start()
            container.process.send_signal(signal.SIGTERM)
            # Its own word that it is stopping; only then does the rest of the request arrive.
            assert any(b"Shutting down" in line for line in container.process.stderr)
            time.sleep(0.5)
            client.sendall(body[10:])
            reader.join(timeout=30)
        assert answers[0].startswith(b"HTTP/1.1 200")
        assert wait_for(lambda: container.process.poll() is not None)
        assert container.process.returncode == 0
    finally:
        container.close()


def _read_all(client):
    chunks = []
    while chunk := client.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)
