"""A client that asks all the time, across three deployments and a rollback."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.sagemaker.control.configuration import EndpointConfiguration, Release, plan_configuration
from infra.sagemaker.control.deployment import roll_out, update_all_at_once, verify
from infra.sagemaker.policy import AlarmPolicy, EndpointPolicy
from tests.infra.bundles import make_bundle, make_instances
from tests.infra.embedded_server import EmbeddedServer, running_server

REQUESTS = int(os.environ.get("OVERNIGHT_SOAK_REQUESTS", "200000"))
CONNECTIONS = 8
LENIENT = {"unknown_categories": "missing"}
# A client that asks one row over and over is no sample of what training saw.
WATCH = AlarmPolicy(
    score_shift=float("inf"), alert_rate_factor=float("inf"), missing_shift=float("inf")
)
POLICY = EndpointPolicy(
    strategy="canary", canary_percent=10, bake_seconds=200, watch=WATCH, bucket="soak",
    capture_percent=100,
)  # fmt: skip


@pytest.fixture
def server(tmp_path: Path):
    with running_server(tmp_path / "sagemaker") as server:
        yield server


@pytest.mark.timeout(1200)
def test_no_request_fails_and_none_is_answered_by_a_model_that_should_not_serve(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    layouts = [_layout(tmp_path, number) for number in (1, 2, 3, 4)]
    roll_out(layouts[0])
    moves: list[tuple[float, float, str]] = []  # begin and end of each shift, and what serves then
    output, body = tmp_path / "answers", tmp_path / "body"
    body.write_text(json.dumps({"instances": make_instances(1, seed=3), **LENIENT}))
    address = f"{server.address}/endpoints/soak/invocations"
    command = [sys.executable, "-m", "tests.soak.client", address, str(body)]
    command += [str(CONNECTIONS), str(REQUESTS), str(output)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as client:
        for number, layout in enumerate([*layouts[1:], layouts[2]]):
            _wait_for_share(output, (number + 1) / 6)
            began = time.time()
            if number < 3:
                roll_out(layout)
            else:
                assert update_all_at_once(layout) == ""
            moves.append((began, time.time(), layout.main.bundle.digest))
            held = layouts[number].main.bundle.digest
            assert verify(layout, champion_digest=held).outcome == "PROMOTED"
        client.communicate(timeout=900)  # closes its input, which ends its asking
        assert client.returncode == 0
    answers = [line.split() for line in output.read_text().splitlines()]
    assert len(answers) >= REQUESTS
    assert [a for a in answers if a[2] != "200"] == []
    first = layouts[0].main.bundle.digest
    wrong = [a for a in answers if a[3] not in _allowed(float(a[0]), float(a[1]), first, moves)]
    assert wrong == []
    assert {a[3] for a in answers} == {layout.main.bundle.digest for layout in layouts}
    assert moves[-1][1] < float(answers[-1][1])  # it asked until after the rollback


def _layout(home: Path, number: int) -> EndpointConfiguration:
    made = make_bundle(home / f"v{number}", seed=number)
    return plan_configuration(Release(str(number), made.folder), spec="soak", policy=POLICY)


def _allowed(
    asked: float, answered: float, first: str, moves: list[tuple[float, float, str]]
) -> set[str]:
    """The models that may answer a request: one outside of a shift, two while it goes on."""
    serving, allowed = first, set()
    for began, ended, digest in moves:
        if answered >= began and asked <= ended:
            allowed |= {serving, digest}
        if ended < asked:
            serving = digest
    return allowed or {serving}


def _wait_for_share(output: Path, share: float) -> None:
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        # A line is some 110 bytes; only how far it is has to be known.
        if output.exists() and output.stat().st_size > share * REQUESTS * 105:
            return
        time.sleep(0.2)
    raise AssertionError("The client does not get on.")
