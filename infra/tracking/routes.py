"""Access lists: every route of the MLflow server that writes, by the role that may use it.

An allow-list: a request that is no GET and stands in no list here is the deployer's alone, so a
route of a later MLflow is closed until it is added to a list.
`tests/infra/tracking/test_routes.py` compares the lists with the server's own table.
"""

import re
from collections.abc import Iterator
from typing import Literal

Access = Literal[
    "read", "account", "run", "experiment", "logged model", "artefact", "graphql",
    "registered model", "deployer",
]  # fmt: skip

# A line is methods and a path, where `*` is one segment and `**` the rest; paths follow `/api/` or
# `/ajax-api/`.
_LISTS: dict[Access, str] = {
    # Asks something, though it is no GET.
    "read": """
        POST 2.0/mlflow/experiments/search
        POST 2.0/mlflow/experiments/search-datasets
        POST 2.0mlflow/experiments/search-datasets
        POST 2.0/mlflow/runs/search
        POST 2.0/mlflow/logged-models/search
        POST 2.0/mlflow/artifacts/presigned-download-url
        POST 2.0/mlflow/registered-models/get-latest-versions
        POST 3.0/mlflow/traces/batchGetInfos
        POST 3.0/mlflow/traces/calculate-filter-correlation
        POST 3.0/mlflow/traces/metrics
        POST 3.0/mlflow/traces/search
        POST 3.0/mlflow/issues/search
        POST 3.0/mlflow/datasets/search
        POST 3.0/mlflow/prompt-optimization/jobs/search
        POST 3.0/jobs/search
        POST 3.0/mlflow/ui-telemetry
    """,
    # Users and roles of MLflow: its own rules hold, which ask for its administrator.
    "account": """
        POST 2.0/mlflow/users/create
        POST 2.0/mlflow/users/create-ui
        PATCH 2.0/mlflow/users/update-password
        PATCH 2.0/mlflow/users/update-admin
        DELETE 2.0/mlflow/users/delete
        POST 3.0/mlflow/users/permissions/grant
        POST 3.0/mlflow/users/permissions/revoke
        POST 3.0/mlflow/roles/create
        PATCH 3.0/mlflow/roles/update
        DELETE 3.0/mlflow/roles/delete
        POST 3.0/mlflow/roles/assign
        DELETE 3.0/mlflow/roles/unassign
        POST 3.0/mlflow/roles/permissions/add
        PATCH 3.0/mlflow/roles/permissions/update
        DELETE 3.0/mlflow/roles/permissions/remove
    """,
    # Everybody for runs of their own: none that the deployer made, and no tag of ours.
    "run": """
        POST 2.0/mlflow/runs/create
        POST 2.0/mlflow/runs/update
        POST 2.0/mlflow/runs/delete
        POST 2.0/mlflow/runs/restore
        POST 2.0/mlflow/runs/set-tag
        POST 2.0/mlflow/runs/delete-tag
        POST 2.0/mlflow/runs/log-metric
        POST 2.0/mlflow/runs/log-parameter
        POST 2.0/mlflow/runs/log-batch
        POST 2.0/mlflow/runs/log-model
        POST 2.0/mlflow/runs/log-inputs
        POST 2.0/mlflow/runs/outputs
        POST 2.0/mlflow/artifacts/presigned-upload-url
        POST 2.0/mlflow/upload-artifact
    """,
    # As for runs; where artefacts go is the deployer's to say.
    "experiment": """
        POST 2.0/mlflow/experiments/create
        POST 2.0/mlflow/experiments/update
        POST 2.0/mlflow/experiments/delete
        POST 2.0/mlflow/experiments/restore
        POST 2.0/mlflow/experiments/set-experiment-tag
        POST 2.0/mlflow/experiments/delete-experiment-tag
    """,
    # As for runs: a logged model belongs to the run that it came from.
    "logged model": """
        POST 2.0/mlflow/logged-models
        PATCH|DELETE 2.0/mlflow/logged-models/*
        PATCH 2.0/mlflow/logged-models/*/tags
        DELETE 2.0/mlflow/logged-models/*/tags/*
        POST 2.0/mlflow/logged-models/*/params
    """,
    # Files through the server, by their path: those of one's own runs and logged models.
    "artefact": """
        PUT|DELETE 2.0/mlflow-artifacts/artifacts/**
        POST 2.0/mlflow-artifacts/mpu/create/**
        POST 2.0/mlflow-artifacts/mpu/complete/**
        POST 2.0/mlflow-artifacts/mpu/abort/**
    """,
    # Of our models: aliases and tags by role, all else the deployer's.
    "registered model": """
        POST 2.0/mlflow/registered-models/create
        POST 2.0/mlflow/registered-models/rename
        PATCH 2.0/mlflow/registered-models/update
        DELETE 2.0/mlflow/registered-models/delete
        POST 2.0/mlflow/registered-models/set-tag
        DELETE 2.0/mlflow/registered-models/delete-tag
        POST|DELETE 2.0/mlflow/registered-models/alias
        POST 2.0/mlflow/model-versions/create
        PATCH 2.0/mlflow/model-versions/update
        DELETE 2.0/mlflow/model-versions/delete
        POST 2.0/mlflow/model-versions/transition-stage
        POST 2.0/mlflow/model-versions/set-tag
        DELETE 2.0/mlflow/model-versions/delete-tag
    """,
    "graphql": "POST|GET graphql",
    # What Overnight has no use for: models that chat, their traces, prompts, judges and bills;
    # jobs of the server; calls to addresses that a client chooses.
    "deployer": """
        GET|POST 2.0/mlflow/gateway-proxy
        POST 2.0/mlflow/runs/create-promptlab-run
        POST|PATCH|DELETE 2.0/mlflow/traces/**
        POST 2.0/mlflow/traces
        POST 2.0/mlflow/webhooks
        POST|PATCH|DELETE 2.0/mlflow/webhooks/**
        POST 3.0/mlflow/traces
        POST|PATCH|DELETE 3.0/mlflow/traces/**
        POST 3.0/mlflow/workspaces
        PATCH|DELETE 3.0/mlflow/workspaces/**
        POST 3.0/mlflow/issues
        POST|PATCH 3.0/mlflow/issues/**
        POST|PATCH|DELETE 3.0/mlflow/label-schemas/**
        POST|PATCH|DELETE 3.0/mlflow/datasets/**
        POST|PUT|DELETE 3.0/mlflow/scorers/**
        POST 3.0/mlflow/scorer/**
        POST|PATCH|DELETE 3.0/mlflow/gateway/**
        POST|DELETE 3.0/mlflow/prompt-optimization/**
        POST 3.0/mlflow/review-queues/**
        POST 3.0/mlflow/demo/**
        POST 3.0/mlflow/genai/**
        PATCH 3.0/mlflow/jobs/**
        POST 3.0/jobs/
        POST|PATCH 3.0/jobs/**
        POST|PUT|PATCH 3.0/mlflow/assistant/**
        POST 3.0/mlflow/mcp-servers
        POST|PATCH|DELETE 3.0/mlflow/mcp-servers/**
        POST v1/traces
        POST gateway/**
    """,
}
READING = frozenset({"GET", "HEAD", "OPTIONS"})


def _compile() -> Iterator[tuple[re.Pattern[str], Access]]:
    for access, listed in _LISTS.items():
        for line in filter(None, map(str.strip, listed.splitlines())):
            methods, _, path = line.partition(" ")
            pattern = re.escape(path).replace(r"\*\*", ".+").replace(r"\*", "[^/]+")
            yield re.compile(f"(?:{methods}) {pattern}", re.DOTALL), access


_RULES = tuple(_compile())


def find_access(method: str, path: str, *, static_prefix: str = "") -> Access | None:
    """Return the access list of a request: None when in none, `read` for what only reads.

    Args:
        method: of HTTP.
        path: without a query, decoded once.
        static_prefix: what the server was started with, `/mlflow`; empty without.

    >>> find_access("POST", "/ajax-api/2.0/mlflow/runs/set-tag")
    'run'
    >>> find_access("POST", "/api/2.0/mlflow/runs/of-a-later-version") is None
    True
    """
    bare = "/" + path.removeprefix(static_prefix.rstrip("/")).lstrip("/")
    spelled = f"{method.upper()} {re.sub(r'^/(?:(?:ajax-)?api/)?', '', bare, count=1)}"
    for pattern, access in _RULES:
        if pattern.fullmatch(spelled):
            return access
    return "read" if method.upper() in READING else None
