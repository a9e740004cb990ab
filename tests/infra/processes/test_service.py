"""Services that become healthy, end, or never answer."""

import sys
from pathlib import Path

import pytest

from expectations.contract import OvernightError
from infra.processes.service import Service, running
from tests.infra.embedded_server import free_port

# Answers 503 and then 204, as a service does that is not ready, and then 200.
SLOW = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Handler.asked += 1
        self.send_response({1: 503, 2: 204}.get(Handler.asked, 200))
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def service(tmp_path: Path, program: str, **changes: float) -> Service:
    port = free_port()
    return Service(
        name="the service",
        command=[sys.executable, "-c", program, str(port)],
        environment={},
        health=f"http://127.0.0.1:{port}/",
        log=tmp_path / "service.log",
        **changes,
    )


def test_a_service_is_waited_for_until_it_is_healthy(tmp_path: Path) -> None:
    with running([service(tmp_path, SLOW)]):
        log = (tmp_path / "service.log").read_text()
    assert [log.count(f" {status} ") for status in (503, 204, 200)] == [1, 1, 1]


def test_a_service_that_ended_is_told_with_its_last_lines(tmp_path: Path) -> None:
    with (
        pytest.raises(OvernightError, match=r"the service ended; .*\nno address"),
        running([service(tmp_path, "raise SystemExit('no address')")]),
    ):
        pass


def test_a_service_that_never_answers_is_told_after_its_time(tmp_path: Path) -> None:
    waiting = service(tmp_path, "import time; time.sleep(600)", patience_seconds=0.6)
    with (
        pytest.raises(OvernightError, match="the service did not become healthy"),
        running([waiting]),
    ):
        pass
