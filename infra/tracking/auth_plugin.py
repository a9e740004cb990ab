"""The MLflow server's `authorization_function`: roles beside MLflow's own permissions.

MLflow knows who may change a registered model, not which of its aliases; who may edit an
experiment, not whose runs in it; and it keeps no record of who moved an alias. MLflow calls this
function before every request, in the server's process.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from flask import Response, request
from mlflow.entities.model_registry import RegisteredModelTag
from mlflow.server import auth
from mlflow.server.handlers import STATIC_PREFIX_ENV_VAR, _get_model_registry_store
from werkzeug.datastructures import Authorization

from infra.tracking.ownership import (
    is_experiment_of_deployer,
    is_file_of_others,
    is_logged_model_of_deployer,
    is_registered_model_of_deployer,
    is_run_of_deployer,
)
from infra.tracking.request_fields import RequestFields, is_query, read_request_fields
from infra.tracking.roles import (
    APPROVED_BY,
    ASKED,
    ASKED_BY,
    REVIEW_REQUEST,
    ROLES_VARIABLE,
    Role,
    is_ours,
    read_roles,
    refusal,
)
from infra.tracking.routes import Access, find_access

# Of these the rules stand in `roles.refusal`; every other write to a model of ours is refused.
_ALIAS, _TAGS = "/registered-models/alias", ("/set-tag", "/delete-tag")
# A review request is a tag of the model.
_REQUEST_ROUTES = ("/registered-models/set-tag", "/registered-models/delete-tag")
_ONLY = "only the deployer may"


def authorize() -> Authorization | Response:
    """Authenticate the user, then allow or refuse the request by the user's role."""
    known = auth.authenticate_request_basic_auth()
    if isinstance(known, Response):
        return known
    user = str(known.username)
    roles = _roles().get(user, frozenset())
    prefix = os.environ.get(STATIC_PREFIX_ENV_VAR, "")
    access = find_access(request.method, request.path, static_prefix=prefix)
    problem = next(_problems(access, roles), None)
    if problem is not None:
        return Response(f"{user}: {problem}\n", status=403, mimetype="text/plain")
    if access == "registered model" and request.method == "POST" and "reviewer" in roles:
        _record_user(user, read_request_fields())
    return known


def _problems(access: Access | None, roles: frozenset[Role]) -> Iterator[str]:
    """Yield the reasons to refuse a request; none when it is allowed."""
    if access == "registered model":
        yield from _problems_of_registry(read_request_fields(), roles)
    if access in {"read", "account"} or "deployer" in roles:
        return
    if access in {"run", "experiment", "logged model"}:
        yield from _problems_of_tracking(read_request_fields())
    elif access == "artefact":
        path = str((request.view_args or {}).get("artifact_path", ""))
        if not is_file_of_others(path):
            yield f"{_ONLY} write files of its runs, or of what is no run"
    elif access == "graphql":
        if not is_query():
            yield f"{_ONLY} change something by GraphQL"
    elif access != "registered model":
        yield f"{_ONLY} do this: {request.method} {request.path}"


def _problems_of_tracking(fields: RequestFields) -> Iterator[str]:
    """Yield problems with a change of a run, experiment or logged model by a non-deployer."""
    if ours := _ours(fields.tags):
        yield f"{_ONLY} set or take away a tag named {ours}"
    if any(map(is_run_of_deployer, fields.runs)):
        yield f"{_ONLY} change a run that it made"
    if any(map(is_logged_model_of_deployer, fields.logged_models)):
        yield f"{_ONLY} change a logged model of a run that it made"
    if fields.places:
        yield f"{_ONLY} choose where artefacts go"
    is_new = request.path.rstrip("/").endswith(("/runs/create", "/logged-models"))
    if not is_new and any(map(is_experiment_of_deployer, fields.experiments)):
        yield f"{_ONLY} change an experiment that holds its runs"


def _problems_of_registry(fields: RequestFields, roles: frozenset[Role]) -> Iterator[str]:
    """Yield problems with a change of a registered model, its versions, tags or aliases."""
    path = request.path.rstrip("/")
    problem = refusal(roles, alias=fields.alias, tags=fields.tags)
    if problem is not None:
        yield problem
    if "deployer" in roles or path.endswith(_ALIAS):
        return
    if not path.endswith(_REQUEST_ROUTES) and (ours := _ours(fields.tags)):
        yield f"{_ONLY} set or take away a tag named {ours}"
    if path.endswith(_TAGS) and not any(key.startswith("mlflow.") for key in fields.tags):
        return
    is_new = path.endswith("/registered-models/create")
    if not is_new and is_registered_model_of_deployer(fields.model):
        yield f"{_ONLY} change {fields.model} or a version of it"


def _record_user(user: str, fields: RequestFields) -> None:
    """Record on the registered model who moves `approved` to a version, or requests a review."""
    is_alias = fields.alias == "approved" and fields.version
    tags = {f"{APPROVED_BY}.{fields.version}"} if is_alias else set()
    tags |= {key.replace(ASKED, ASKED_BY) for key in fields.tags if REVIEW_REQUEST.fullmatch(key)}
    for key in tags if fields.model else ():
        tag = RegisteredModelTag(key, f"{user} (MLflow)")  # type: ignore[no-untyped-call]  # MLflow's own
        _get_model_registry_store().set_registered_model_tag(fields.model, tag)  # type: ignore[no-untyped-call]  # MLflow's own


def _ours(keys: Iterable[str]) -> str:
    return ", ".join(sorted(filter(is_ours, keys)))


@cache
def _roles() -> Mapping[str, frozenset[Role]]:
    return read_roles(Path(os.environ[ROLES_VARIABLE]))
