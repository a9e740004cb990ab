"""Ownership: the runs, models and experiments of the deployer, by the MLflow server's store.

A tag whose key begins with `overnight.` can be set by the deployer alone, and each of its runs is
made with one: so a run that has one is the deployer's, and so is what belongs to that run.
"""

import re
from collections.abc import Iterable
from typing import Any

from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.server.handlers import _get_model_registry_store, _get_tracking_store

from infra.tracking.roles import is_ours

_KIND = "overnight.kind"
_PLAIN = re.compile(r"[\w./@+=: -]+", re.ASCII)
_FILE = re.compile(
    r"(?P<experiment>\d+)/(?:(?P<run>[0-9a-f]{32})|models/(?P<model>m-\w+))/artifacts/.+"
)


def is_run_of_deployer(run: str) -> bool:
    """Return True if the deployer made a run; False for one that is not there."""
    try:
        return has_our_tag(_get_tracking_store().get_run(run).data.tags)  # type: ignore[no-untyped-call]  # MLflow's own
    except MlflowException as error:
        return _unless_absent(error)


def is_logged_model_of_deployer(model: str) -> bool:
    """Return True if a logged model came from a run of the deployer, or has a tag of ours."""
    try:
        found = _get_tracking_store().get_logged_model(model)
    except MlflowException as error:
        return _unless_absent(error)
    source = found.source_run_id
    return has_our_tag(found.tags) or bool(source and is_run_of_deployer(source))


def is_experiment_of_deployer(experiment: str) -> bool:
    """Return True if an experiment holds a run of the deployer, deleted ones among them."""
    store: Any = _get_tracking_store()  # MLflow's own code has no types
    try:
        if has_our_tag(store.get_experiment(experiment).tags):
            return True
    except MlflowException as error:
        return _unless_absent(error)
    found = store.search_runs([experiment], f"tags.`{_KIND}` LIKE '%'", ViewType.ALL, max_results=1)
    return bool(found)


def is_registered_model_of_deployer(name: str) -> bool:
    """Return True if a registered model, or its latest version, has a tag of ours."""
    try:
        found = _get_model_registry_store().get_registered_model(name)  # type: ignore[no-untyped-call]  # MLflow's own
    except MlflowException as error:
        return _unless_absent(error)
    return has_our_tag(found.tags) or any(has_our_tag(v.tags) for v in found.latest_versions or ())


def is_file_of_others(path: str) -> bool:
    """Return True if a path of the artefact proxy is of a run or logged model that is not ours.

    Only paths of the form that MLflow gives them are, and only of what is there: any other could
    be written as one of ours.
    """
    found = _FILE.fullmatch(path)
    if found is None or not _PLAIN.fullmatch(path) or {"", ".", ".."} & {*path.split("/")}:
        return False
    store: Any = _get_tracking_store()  # MLflow's own code has no types
    try:
        if found["run"]:
            owner = store.get_run(found["run"]).info.experiment_id
            is_theirs = not is_run_of_deployer(found["run"])
        else:
            owner = store.get_logged_model(found["model"]).experiment_id
            is_theirs = not is_logged_model_of_deployer(found["model"])
    except MlflowException as error:
        return _unless_absent(error)
    return is_theirs and str(owner) == found["experiment"]


def has_our_tag(keys: Iterable[str]) -> bool:
    """Return True if one of the keys is ours."""
    return any(map(is_ours, keys))


def _unless_absent(error: MlflowException) -> bool:
    """Return False if the error says that the thing does not exist; raise any other error again."""
    if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
        raise error
    return False
