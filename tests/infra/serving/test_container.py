"""The container as SageMaker sees it: a real process behind a socket."""

import json
import math
import signal
import socket
import threading
import time

import pytest

from infra.serving.model.scorer import MAX_EXPLAINED
from tests.infra.bundles import make_bundle, make_instances
from tests.infra.embedded_server import wait_for
from tests.infra.serving.container import Container


@pytest.fixture(scope="module")
def container(bundles):
    container = Container(bundles["v1"].folder)
    yield container
    container.close()


def test_ping_names_the_model_that_is_loaded(container, bundles):
    status, body = container.ask("GET", "/ping")
    assert status == 200
    assert body == {
        "status": "ready",
        "model": {"name": "demo", "version": None, "digest": bundles["v1"].digest},
    }


def test_scores_have_the_bits_that_lightgbm_gives(container, bundles):
    instances = make_instances(200, seed=7)
    status, body = container.invoke(instances, unknown_categories="missing")
    assert status == 200
    assert [p["score"] for p in body["predictions"]] == bundles["v1"].expected(instances)


def test_a_score_from_the_threshold_on_is_an_alert(container):
    _, body = container.invoke(make_instances(200, seed=8), unknown_categories="missing")
    decisions = {
        (p["probability"] >= 0.5, p["decision"], p["threshold"]) for p in body["predictions"]
    }
    assert decisions == {(True, "alert", "alert-budget-1.0%"), (False, "pass", "alert-budget-1.0%")}


def test_null_scores_as_a_missing_value(container, bundles):
    (instance,) = make_instances(1, seed=9)
    nulls = dict.fromkeys(instance)
    _, body = container.invoke([nulls])
    (oracle,) = bundles["v1"].booster.predict([[math.nan] * 4])
    assert body["predictions"][0]["score"] == oracle


def test_every_problem_of_every_instance_is_listed(container):
    good = {**make_instances(1, seed=1)[0], "channel": "app"}
    unknown = {**good, "amout": 1.0}
    missing = {name: value for name, value in good.items() if name != "amount"}
    mistyped = {**good, "amount": "12", "channel": 3, "customer_amount_mean_7d": True}
    unseen = {**good, "channel": "fax"}
    status, body = container.invoke([good, unknown, missing, mistyped, unseen])
    assert status == 400
    assert body["error"]["problems"] == [
        "instances[1].amout: unknown feature",
        "instances[2].amount: missing; send null for an unknown value",
        "instances[3].amount: expected a number or null, got text",
        "instances[3].channel: expected text or null, got a number",
        "instances[3].customer_amount_mean_7d: expected a number or null, got a boolean",
        "instances[4].channel: not one of the 3 categories that training saw",
    ]


def test_features_of_another_model_are_ignored_where_the_client_says_so(container):
    (good,) = make_instances(1, seed=9)
    more = {**good, "of_the_next_model": 1.0}
    told = {"unknown_categories": "missing"}
    alone = container.invoke([good], **told)
    assert container.invoke([more], unknown_features="ignore", **told) == alone
    status, body = container.invoke([more], **told)
    assert (status, body["error"]["problems"]) == (
        400, ["instances[0].of_the_next_model: unknown feature"],
    )  # fmt: skip
    wrong = {**more, "amount": "much"}
    status, body = container.invoke([wrong], unknown_features="ignore", **told)
    assert body["error"]["problems"] == ["instances[0].amount: expected a number or null, got text"]


@pytest.mark.parametrize(
    ("request_line", "body", "kind", "status"),
    [
        ("GET /", None, "application/json", 404),
        ("GET /invocations", None, "application/json", 405),
        ("POST /ping", "{}", "application/json", 405),
        ("POST /invocations", b" " * (6 * 1024 * 1024 + 1), "application/json", 413),
        ("POST /invocations", "a,b", "text/plain", 415),
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


def test_one_instance_is_answered_as_one_prediction_with_its_reasons(container):
    (instance,) = make_instances(1, seed=9)
    body = json.dumps({"instance": {**instance, "channel": "app"}, "reasons": "all"})
    status, answer = container.ask("POST", "/invocations", body)
    assert status == 200
    (prediction,) = answer["predictions"]
    assert prediction.keys() == {"score", "probability", "decision", "threshold", "reasons"}
    assert prediction["reasons"][0].keys() == {"feature", "text", "contribution"}
    assert answer["model"].keys() == {"name", "version", "digest"}


def test_a_table_of_csv_is_answered_with_one(container, bundles):
    instances = [{**i, "channel": "pos"} for i in make_instances(3, seed=9)]
    lines = [",".join(instances[0])]
    lines += [",".join("" if v is None else str(v) for v in i.values()) for i in instances]
    headers = {"Content-Type": "text/csv; charset=utf-8", "Accept": "text/csv"}
    status, answer = container.ask_raw("POST", "/invocations", "\n".join(lines), headers)
    assert status == 200
    head, *rows = answer.decode().splitlines()
    assert head == "score,probability,decision,threshold,reasons"
    assert [float(row.split(",")[0]) for row in rows] == bundles["v1"].expected(instances)


def test_a_charset_that_is_not_utf_8_is_refused(container):
    for kind in ("text/csv; charset=latin-1", 'application/json;charset="utf-16"'):
        status, answer = container.ask("POST", "/invocations", "{}", kind)
        assert status == 415
        assert "send UTF-8" in answer["error"]["message"]


def test_a_body_that_comes_in_pieces_is_read(container):
    body = json.dumps({"instances": make_instances(4, seed=2), "unknown_categories": "missing"})
    pieces = (body[at : at + 50].encode() for at in range(0, len(body), 50))
    assert container.ask_raw("POST", "/invocations", pieces)[0] == 200


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


@pytest.mark.parametrize("name", ["model.txt", "bundle.json"])
def test_one_flipped_bit_anywhere_refuses_to_start(tmp_path, name):
    made = make_bundle(tmp_path / "bundle")
    content = bytearray((made.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (made.folder / name).write_bytes(content)
    container = Container(made.folder)
    try:
        assert container.process.wait(timeout=60) == 1
        said = container.process.stderr.read().decode()
        assert "was changed after it was written" in said or "is not a bundle" in said
    finally:
        container.close()


def test_a_whole_bundle_that_is_not_the_one_that_was_deployed_refuses_to_start(bundles):
    other, wanted = bundles["v1"], bundles["v2"]
    container = Container(other.folder, OVERNIGHT_MODEL_DIGEST=wanted.digest)
    try:
        assert container.process.wait(timeout=60) == 1
        said = container.process.stderr.read().decode()
        assert f"has the digest {other.digest[:12]}, and {wanted.digest[:12]} was asked" in said
    finally:
        container.close()
    container = Container(other.folder, OVERNIGHT_MODEL_DIGEST=other.digest)
    try:
        assert container.ask("GET", "/ping")[0] == 200
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
    body = json.dumps(
        {"instances": make_instances(20, seed=3), "unknown_categories": "missing"}
    ).encode()
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


def test_reasons_are_given_for_so_many_predictions_and_every_score_goes_out(container):
    instances = [{**each, "channel": "app"} for each in make_instances(MAX_EXPLAINED + 2, seed=4)]
    status, body = container.invoke(instances, reasons="all")
    assert status == 200
    told = [each for each in body["predictions"] if "reasons_problem" in each]
    assert told == body["predictions"][MAX_EXPLAINED:]
    assert all(each["reasons"] is None and "score" in each for each in told)
