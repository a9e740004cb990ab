"""The guard's lists against the MLflow server's own table of routes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.tracking.routes import READING, find_access

# The application as `mlflow server --app-name basic-auth` makes it, asked for its routes.
LISTING = """
import json
from mlflow.server import app
from mlflow.server.auth import create_app

served = create_app()
routes = [(method, str(rule)) for rule in app.url_map.iter_rules() for method in rule.methods]
for route in served.routes:
    routes += [(method, route.path) for method in getattr(route, "methods", None) or ()]
print(json.dumps(routes))
"""
CONFIGURATION = """[mlflow]
default_permission = EDIT
database_uri = sqlite:///{0}/users.db
admin_username = admin
authorization_function = infra.tracking.auth_plugin:authorize
"""


def list_routes(folder: Path) -> list[tuple[str, str]]:
    """Method and template of every route, those of Flask and those of FastAPI."""
    (folder / "auth.ini").write_text(CONFIGURATION.format(folder))
    environment = {
        **os.environ, "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": "a long enough password", "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "of this test",
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{folder}/mlflow.db",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", LISTING], env=environment, capture_output=True, check=True, text=True
    )
    return [(method, template) for method, template in json.loads(done.stdout.splitlines()[-1])]


def fill(template: str) -> str:
    """A path that a template matches, `<path:name>` and `{name:path}` among its forms."""
    return re.sub(r"<(?:\w+:)?\w+>|\{\w+(?::\w+)?\}", "a-name", template)


def test_every_route_that_writes_stands_in_a_list(tmp_path: Path) -> None:
    routes = list_routes(tmp_path)
    writing = [(m, t) for m, t in routes if m not in READING]
    assert len(writing) > 200
    unknown = [(m, t) for m, t in writing if find_access(m, fill(t)) is None]
    assert unknown == [], "MLflow has writing routes that no list of infra.tracking.routes names"


@pytest.mark.parametrize(
    ("method", "path", "access"),
    [
        ("POST", "/api/2.0/mlflow/runs/log-batch", "run"),
        ("POST", "/ajax-api/2.0/mlflow/runs/log-batch", "run"),
        ("post", "/api/2.0/mlflow/runs/search", "read"),
        ("DELETE", "/api/2.0/mlflow/logged-models/m-1/tags/overnight.x", "logged model"),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/x/artifacts/review/review.html", "artefact"),
        ("POST", "/graphql", "graphql"),
        ("GET", "/graphql", "graphql"),
        ("GET", "/ajax-api/2.0/mlflow/gateway-proxy", "deployer"),
        ("GET", "/api/2.0/mlflow/runs/get", "read"),
        ("POST", "/api/2.0/mlflow/runs/log-batch/", None),
        ("POST", "/api/2.0/mlflow/runs/log-batch\n", None),
        ("POST", "/api/api/2.0/mlflow/runs/search", None),
        ("POST", "/api/4.0/mlflow/runs/search", None),
        ("BREW", "/api/2.0/mlflow/runs/get", None),
    ],
)
def test_a_request_stands_in_one_list_or_in_none(
    method: str, path: str, access: str | None
) -> None:
    assert find_access(method, path) == access


def test_a_prefix_of_the_server_is_left_out_of_the_comparison() -> None:
    path = "/mine/api/2.0/mlflow/runs/search"
    assert find_access("POST", path, static_prefix="/mine") == "read"
    assert find_access("POST", path) is None
