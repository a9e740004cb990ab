"""Waiting for an endpoint, against a SageMaker that says what a test wants."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.sagemaker.connection import AwsError
from infra.sagemaker.control.client import Control

ERRORS = {
    "absent": {"__type": "ValidationException", "message": "Could not find endpoint"},
    "denied": {"__type": "AccessDeniedException", "message": "not you"},
}


@pytest.fixture
def saying(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Control]]:
    """Gives a control plane whose endpoint has these statuses in turn, and keeps the last."""
    statuses: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
            found = {"EndpointStatus": status, "LastModifiedTime": 1_700_000_000}
            error = ERRORS.get(status)
            body = json.dumps(error or found).encode()
            self.send_response(400 if error else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL_SAGEMAKER": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)

    def open_control(*wanted: str) -> Control:
        statuses[:] = wanted
        return Control()

    try:
        yield open_control
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_change_is_waited_for_until_it_is_over(saying: Callable[..., Control]) -> None:
    live = saying("Creating", "Updating", "InService").wait("cards", minutes=1)
    assert live is not None
    assert live.status == "InService"


def test_an_endpoint_that_is_gone_is_waited_for_no_longer(saying: Callable[..., Control]) -> None:
    assert saying("Deleting", "absent").wait("cards", minutes=1) is None


def test_a_change_that_takes_too_long_is_told_with_its_status(
    saying: Callable[..., Control],
) -> None:
    said = r"The endpoint cards is still Updating after 0.005 minutes\. Deploy again"
    with pytest.raises(AwsError, match=said):
        saying("Creating", "Updating").wait("cards", minutes=0.005)


def test_an_error_of_sagemaker_ends_the_wait(saying: Callable[..., Control]) -> None:
    with pytest.raises(AwsError, match="not you"):
        saying("Updating", "denied").wait("cards", minutes=1)
