"""Writes to the MLflow server: an author's, a reviewer's, and those of the deployer alone."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.tracking.routes import READING, find_access
from tests.infra.guarded_server import Server, serving
from tests.infra.tracking.test_routes import fill, list_routes

NO = "403 alice: only the deployer may"


@dataclass(frozen=True, slots=True)
class Desk:
    """A server on which night and alice have a run each, in one experiment.

    Attributes:
        theirs: the deployer's run, as our pipeline makes it; `own` is alice's.
        model: the logged model of the deployer's run.
    """

    server: Server
    experiment: str
    theirs: str
    own: str
    model: str


def tags(**given: str) -> list[dict[str, str]]:
    return [{"key": key.replace("__", "."), "value": value} for key, value in given.items()]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with serving(tmp_path_factory.mktemp("guarded")) as server:
        made = server.ask("night", "experiments/create", {"name": "cards"})
        experiment = json.loads(made)["experiment_id"]
        body = {"experiment_id": experiment, "tags": tags(overnight__kind="model")}
        theirs = json.loads(server.ask("night", "runs/create", body))["run"]["info"]["run_id"]
        body = {"experiment_id": experiment, "tags": tags(mine="yes")}
        own = json.loads(server.ask("alice", "runs/create", body))["run"]["info"]["run_id"]
        body = {"experiment_id": experiment, "source_run_id": theirs, "name": "model"}
        logged = json.loads(server.ask("night", "logged-models", body))
        version = {"name": "cards", "source": "s3://b/x", "tags": tags(overnight__gate="accepted")}
        assert "cards" in server.ask("night", "model-versions/create", version)
        yield Desk(server, experiment, theirs, own, logged["model"]["info"]["model_id"])


def requests_on(desk: Desk, run: str) -> list[tuple[str, str, object]]:
    """Every change of a run that the server knows, as method, path and body."""
    now = {"key": "x", "value": 1.0, "timestamp": 1, "step": 0}
    path = "/api/2.0/mlflow-artifacts"
    files = f"{desk.experiment}/{run}/artifacts/review/review.html"
    upload = "/ajax-api/2.0/mlflow/upload-artifact?path=review/review.html&run_uuid="
    return [
        ("POST", "runs/update", {"run_id": run, "run_name": "other"}),
        ("POST", "runs/update", {"run_uuid": run, "run_name": "other"}),
        ("POST", "runs/set-tag", {"run_id": run, "key": "note", "value": "x"}),
        ("POST", "/ajax-api/2.0/mlflow/runs/set-tag", {"run_id": run, "key": "n", "value": "x"}),
        ("POST", "runs/log-metric", {"run_id": run, **now}),
        ("POST", "runs/log-parameter", {"run_id": run, "key": "p", "value": "1"}),
        ("POST", "runs/log-batch", {"run_id": run, "metrics": [now]}),
        ("POST", "runs/log-batch", {"run_id": run, "params": tags(q="1")}),
        ("POST", "runs/log-inputs", {"run_id": run, "datasets": []}),
        ("POST", "runs/outputs", {"run_id": run, "models": []}),
        ("POST", upload + run, {"a": "page"}),
        ("PUT", f"{path}/artifacts/{files}", {"a": "page"}),
        ("POST", "runs/delete-tag", {"run_id": run, "key": "note"}),
        ("DELETE", f"{path}/artifacts/{files}", {}),
        ("POST", "runs/delete", {"run_id": run}),
        ("POST", "runs/restore", {"run_id": run}),
    ]


def test_a_run_of_the_deployer_is_changed_by_nobody_else(desk: Desk) -> None:
    other_names = [
        ("POST", "runs/update", {"runUuid": desk.theirs, "run_name": "other"}),
        ("POST", "runs/set-tag", {"runId": desk.theirs, "key": "note", "value": "x"}),
        ("POST", "runs/delete", json.dumps({"run_id": desk.theirs})),
    ]
    for method, path, body in (*requests_on(desk, desk.theirs), *other_names):
        said = desk.server.ask("alice", path, body, method=method)
        assert said.startswith(NO), (path, body, said)
    assert desk.server.ask("rita", "runs/delete", {"run_id": desk.theirs}).startswith("403 rita:")


def test_an_author_goes_on_working_in_runs_of_her_own(desk: Desk) -> None:
    for method, path, body in requests_on(desk, desk.own):
        said = desk.server.ask("alice", path, body, method=method)
        if (
            path.endswith(("/delete", "/restore")) or method == "DELETE"
        ):  # for which MLflow wants more than EDIT
            assert "only the deployer" not in said
            continue
        assert not said.startswith(("4", "5")), (path, body, said)


def test_no_run_becomes_one_of_ours_by_a_tag(desk: Desk) -> None:
    forged = tags(Overnight__inputs="abc")
    planted = [
        ("runs/create", {"experiment_id": desk.experiment, "tags": forged}),
        ("runs/log-batch", {"run_id": desk.own, "tags": forged}),
        ("runs/log-batch", {"runId": desk.own, "tags": tags(overnight__author="schedule")}),
        ("runs/set-tag", {"run_id": desk.own, "key": " overnight.gate", "value": "accepted"}),
        ("runs/set-tag", json.dumps({"run_id": desk.own, "key": "overnight.x", "value": "y"})),
        ("runs/delete-tag", {"run_id": desk.own, "key": "overnight.gate"}),
        ("logged-models", {"experiment_id": desk.experiment, "tags": forged}),
        ("experiments/create", {"name": "other", "tags": forged}),
        ("experiments/set-experiment-tag", {"experiment_id": "0", **forged[0]}),
        ("registered-models/create", {"name": "other", "tags": forged}),
        ("registered-models/create", {"name": "other", "tags": tags(overnight__asked__1="{}")}),
        ("model-versions/create", {"name": "none", "source": "s3://b/x", "tags": forged}),
    ]
    for path, body in planted:
        said = desk.server.ask("alice", path, body)
        assert said.startswith("403 alice: only the deployer may"), (path, body, said)
        assert desk.server.ask("rita", path, body).startswith("403 rita:"), (path, body)


def test_logged_models_and_experiments_follow_the_runs_in_them(desk: Desk) -> None:
    one = f"logged-models/{desk.model}"
    experiment = {"experiment_id": desk.experiment}
    tag = {"run_id": desk.own, "key": "loss", "value": 1.0, "timestamp": 1}
    for method, path, body in (
        ("PATCH", one, {"model_id": desk.model, "status": "LOGGED_MODEL_READY"}),
        ("PATCH", f"{one}/tags", {"tags": tags(note="x")}),
        ("DELETE", f"{one}/tags/note", {}),
        ("POST", f"{one}/params", {"model_id": desk.model, "params": tags(a="1")}),
        ("DELETE", one, {}),
        ("POST", "runs/log-metric", {**tag, "model_id": desk.model}),
        ("POST", "logged-models", {**experiment, "source_run_id": desk.theirs}),
        ("POST", "experiments/update", {**experiment, "new_name": "gone"}),
        ("POST", "experiments/set-experiment-tag", {**experiment, **tags(note="x")[0]}),
        ("POST", "experiments/delete", experiment),
        ("POST", "experiments/create", {"name": "etc", "artifact_location": "file:///etc"}),
        ("POST", "experiments/create", {"name": "etc", "artifactLocation": "/"}),
    ):
        said = desk.server.ask("alice", path, body, method=method)
        assert said.startswith(NO), (path, body, said)
    assert "experiment_id" in desk.server.ask("alice", "experiments/create", {"name": "hers"})


@pytest.mark.parametrize(
    "path",
    [
        "{experiment}/{theirs}/artifacts/bundle/model.txt",
        "{experiment}/models/{model}/artifacts/MLmodel",
        "{experiment}/{own}/artifacts/%2e%2e/%2e%2e/{theirs}/artifacts/x",
        "{experiment}/{own}/artifacts/%252e%252e/x",
        "{experiment}/other/x",
        "0/{own}/artifacts/x",
        "{experiment}/" + "0" * 32 + "/artifacts/x",
        "cards/x",
    ],
)
def test_files_are_written_only_where_they_are_of_a_run_of_ones_own(desk: Desk, path: str) -> None:
    named = path.format(
        experiment=desk.experiment, theirs=desk.theirs, own=desk.own, model=desk.model
    )
    for method, folder in (("PUT", "artifacts"), ("DELETE", "artifacts"), ("POST", "mpu/create")):
        for api in ("api", "ajax-api"):
            full = f"/{api}/2.0/mlflow-artifacts/{folder}/{named}"
            said = desk.server.ask("alice", full, {}, method=method)
            assert said.startswith(NO), (method, full, said)


def test_our_registered_model_and_its_versions_are_the_deployers(desk: Desk) -> None:
    version = {"name": "cards", "version": "3"}
    for method, path, body in (
        ("POST", "registered-models/rename", {"name": "cards", "new_name": "gone"}),
        ("POST", "registered-models/rename", {"name": "cards", "newName": "gone"}),
        ("PATCH", "registered-models/update", {"name": "cards", "description": "other"}),
        ("DELETE", "registered-models/delete", {"name": "cards"}),
        ("POST", "registered-models/set-tag", {"name": "cards", **tags(mlflow__x="y")[0]}),
        ("POST", "model-versions/create", {"name": "cards", "source": "s3://b/y"}),
        ("PATCH", "model-versions/update", {**version, "description": "better than it is"}),
        ("POST", "model-versions/transition-stage", {**version, "stage": "Production"}),
        ("DELETE", "model-versions/delete", version),
    ):
        for user in ("alice", "rita"):
            said = desk.server.ask(user, path, body, method=method)
            assert said.startswith(f"403 {user}: only the deployer may"), (path, body, said)
    assert "note" not in desk.server.ask(
        "alice", "registered-models/set-tag", {"name": "cards", **tags(note="x")[0]}
    )
    for path, body in (
        ("registered-models/create", {"name": "hers"}),
        ("model-versions/create", {"name": "hers", "source": "s3://b/y"}),
        ("registered-models/rename", {"name": "hers", "new_name": "hers too"}),
    ):
        assert "hers" in desk.server.ask("alice", path, body)
    described = {**version, "description": "as it is"}
    assert "as it is" in desk.server.ask(
        "night", "model-versions/update", described, method="PATCH"
    )


def test_a_body_in_a_string_moves_no_alias(desk: Desk) -> None:
    move = {"name": "cards", "alias": "champion", "version": "1"}
    for body in (json.dumps(move), move):
        said = desk.server.ask("alice", "registered-models/alias", body)
        assert said == "403 alice: only the deployer may move the alias champion: it follows what was verified\n"  # fmt: skip  # noqa: E501


def test_graphql_asks_and_changes_nothing(desk: Desk) -> None:
    change = {"query": 'mutation { testMutation(inputString: "x") { output } }'}
    two = {"query": "query A { __typename } mutation B { __typename }", "operationName": "B"}
    for method in ("POST", "GET"):
        for body in (change, two, {"query": "{"}, {"query": 1}, [], "x"):
            said = desk.server.ask("alice", "/graphql", body, method=method)
            assert said.startswith(("403", "400", "500")), (method, body, said)
        assert desk.server.ask("alice", "/graphql", change, method=method).startswith("403")
    said = desk.server.ask("alice", "/graphql", {"query": "query A { __typename }"})
    assert not said.startswith("403"), said


def test_every_other_route_that_writes_is_refused_to_an_author(desk: Desk, tmp_path: Path) -> None:
    asked = 0
    for method, template in list_routes(tmp_path):
        path = fill(template)
        if method in READING or find_access(method, path) != "deployer":
            continue
        said = desk.server.ask("alice", path, {}, method=method)
        assert said.startswith(NO), (method, path, said)
        asked += 1
    assert asked > 100
    for path in ("/api/2.0/mlflow/runs/of-a-later-version", "/api/9.0/mlflow/runs/set-tag"):
        assert desk.server.ask("alice", path, {}).startswith(NO)
        # MLflow itself closes what it does not know.
        assert "deployer" not in desk.server.ask("night", path, {})
