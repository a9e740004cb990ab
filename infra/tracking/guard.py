"""The MLflow server's `authorization_function`: roles beside MLflow's own permissions.

MLflow knows who may change a registered model, not which of its aliases; and it keeps no record of
who moved one. This function is asked before every request, in the server's process.
"""

import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from flask import Response, request
from mlflow.entities.model_registry import RegisteredModelTag
from mlflow.server import auth
from mlflow.server.handlers import _get_model_registry_store
from werkzeug.datastructures import Authorization

from infra.tracking.roles import (
    APPROVED_BY,
    ASKED,
    ASKED_BY,
    ROLES_VARIABLE,
    WISH,
    Role,
    read_roles,
    refusal,
)

_MOVES = re.compile(r".*/(?:ajax-)?api/[\d.]+/mlflow/registered-models/alias/?")
_TAGS = re.compile(
    r".*/(?:ajax-)?api/[\d.]+/mlflow/(?:registered-models|model-versions)/(?:set|delete)-tag/?"
)


def authorize() -> Authorization | Response:
    """Know the user by name and password, then see whether the role allows the request."""
    known = auth.authenticate_request_basic_auth()
    if isinstance(known, Response):
        return known
    user = str(known.username)
    roles = _roles().get(user, frozenset())
    is_move = bool(_MOVES.fullmatch(request.path)) and request.method in {"POST", "DELETE"}
    is_tag = bool(_TAGS.fullmatch(request.path)) and request.method in {"POST", "DELETE"}
    for given in _parameters():
        problem = refusal(
            roles,
            alias=given.get("alias") if is_move else None,
            tags=frozenset({given.get("key", "")} if is_tag else ()),
        )
        if problem is not None:
            return Response(f"{user}: {problem}\n", status=403, mimetype="text/plain")
    if (is_move or is_tag) and request.method == "POST" and "reviewer" in roles:
        _note_who(user)
    return known


def _parameters() -> list[dict[str, str]]:
    """What the request says, in its body and in its address: either may be what MLflow reads."""
    body = request.get_json(force=True, silent=True)
    said = [body] if isinstance(body, dict) else []
    return [{k: str(v) for k, v in each.items()} for each in (*said, request.args)]


def _note_who(user: str) -> None:
    """Note on the registered model who moves `approved` to which version, or asks for what."""
    body = request.get_json(force=True, silent=True) or {}
    name, version = body.get("name"), body.get("version")
    noted = f"{APPROVED_BY}.{version}" if body.get("alias") == "approved" and version else None
    if WISH.fullmatch(str(body.get("key"))):
        noted = str(body["key"]).replace(ASKED, ASKED_BY)
    if noted and name:
        tag = RegisteredModelTag(noted, f"{user} (MLflow)")  # type: ignore[no-untyped-call]  # MLflow's own
        _get_model_registry_store().set_registered_model_tag(name, tag)  # type: ignore[no-untyped-call]  # MLflow's own


@cache
def _roles() -> Mapping[str, frozenset[Role]]:
    return read_roles(Path(os.environ[ROLES_VARIABLE]))
