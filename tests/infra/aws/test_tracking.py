"""The MLflow actions of the roles against the calls in the code that knows MLflow."""

import re
from pathlib import Path

import pytest

TRACKING = Path(__file__).parents[3] / "pipelines/tracking"
KNOWING = ("registry", "runs", "logged_model")
# Methods of MLflow's client, and functions of its module, to IAM's names of what they ask the
# server: the REST calls of `mlflow.store.*.rest_store`, in AWS's Service Authorization Reference.
ASKED = {
    "create_experiment": {"CreateExperiment"},
    "create_logged_model": {"LogModel", "LogLoggedModelParams"},  # no action is called as it is
    "create_model_version": {"CreateModelVersion", "GetLoggedModel"},
    "create_registered_model": {"CreateRegisteredModel"},
    "create_run": {"CreateRun"},
    "delete_registered_model_alias": {"DeleteRegisteredModelAlias"},
    "download_artifacts": {"GetRun"},
    "finalize_logged_model": {"FinalizeLoggedModel"},
    "get_experiment_by_name": {"GetExperimentByName"},
    "get_metric_history": {"GetMetricHistory"},
    "get_model_version": {"GetModelVersion"},
    "get_run": {"GetRun"},
    "list_artifacts": {"GetRun", "ListArtifacts"},
    "log_artifacts": {"GetRun"},
    "log_batch": {"LogBatch"},
    "log_inputs": {"LogInputs"},
    "log_metric": {"LogMetric"},
    "log_model_artifacts": {"GetLoggedModel"},
    "log_outputs": {"LogOutputs"},
    "search_logged_models": {"SearchLoggedModels"},
    "search_model_versions": {"SearchModelVersions"},
    "search_registered_models": {"SearchRegisteredModels"},
    "search_runs": {"SearchRuns"},
    "set_experiment": {"GetExperimentByName", "CreateExperiment"},
    "set_model_version_tag": {"SetModelVersionTag"},
    "set_registered_model_alias": {"SetRegisteredModelAlias"},
    "set_registered_model_tag": {"SetRegisteredModelTag"},
    "set_terminated": {"UpdateRun"},
    "start_run": {"CreateRun", "GetRun", "SetTag", "UpdateRun"},
    "update_model_version": {"UpdateModelVersion"},
}
LOCAL = {"save_model", "set_tracking_uri"}


@pytest.fixture(scope="module")
def called():
    code = "".join((TRACKING / f"{name}.py").read_text() for name in KNOWING)
    return set(re.findall(r"(?:client|mlflow(?:\.\w+)?)\.([a-z_]+)\(", code)) - LOCAL


def test_every_call_of_mlflow_is_known_here_and_none_besides(called):
    assert called == set(ASKED)


def test_the_nightly_role_may_ask_mlflow_all_that_the_code_calls(stack, called):
    wanted = {f"sagemaker-mlflow:{action}" for name in called for action in ASKED[name]}
    assert wanted - stack.actions("nightly") == set()
