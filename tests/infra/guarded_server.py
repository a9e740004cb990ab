"""An MLflow server with users and roles, asked as each of them."""

import base64
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.processes.service import running
from infra.tracking.server import build_mlflow
from tests.infra.embedded_server import free_port
from tests.mlflow_file import write_mlflow_file

ROLES = 'author = ["alice"]\nreviewer = ["rita"]\ndeployer = ["night"]\n'
PASSWORD = "a long enough password"


class Server:
    """MLflow with three people in it."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}/api/2.0/mlflow/"

    def ask(self, user: str, path: str, body: object, *, method: str = "POST") -> str:
        """The answer's text; of a refusal its number and text."""
        return self.send(user, path, json.dumps(body).encode(), method=method)

    def send(self, user: str, path: str, body: bytes, *, method: str = "POST") -> str:
        """As `ask`, for any path of the server and any body."""
        known = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
        sent = urllib.request.Request(
            urllib.parse.urljoin(self._address, path), body, method=method,
            headers={"Content-Type": "application/json", "Authorization": f"Basic {known}"},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(sent, timeout=60) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            return f"{error.code} {error.read().decode()}"


@contextmanager
def serving(home: Path) -> Iterator[Server]:
    """A server in a folder, with a registered model `cards` of two versions."""
    (home / "roles.toml").write_text(ROLES)
    write_mlflow_file(home)
    environment = {
        **os.environ,
        "OVERNIGHT_ROLES": str(home / "roles.toml"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "of this test",
    }
    port = free_port()
    service = build_mlflow(
        environment, home=home, tracking_uri=f"sqlite:///{home}/mlflow.db", port=port
    )
    with running([service]):
        made = Server(port)
        for name in ("alice", "rita", "night"):
            said = made.ask("admin", "users/create", {"username": name, "password": PASSWORD})
            assert name in said, said
        assert "cards" in made.ask("night", "registered-models/create", {"name": "cards"})
        for _ in range(2):
            said = made.ask(
                "night", "model-versions/create", {"name": "cards", "source": "s3://b/x"}
            )
            assert "cards" in said, said
        yield made
