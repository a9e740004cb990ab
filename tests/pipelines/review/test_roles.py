"""Where everybody signs in: a reviewer asks, the server notes who, the deployer records."""

import base64
import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from expectations.contract import InputError, ProblemsError
from infra.processes.service import running
from infra.tracking.server import build_mlflow
from pipelines import steps
from pipelines.config.installation.actors import os_actor
from pipelines.config.installation.settings import load_settings
from pipelines.governance.digests import open_decisions
from pipelines.tracking.registry import Version
from tests.infra.embedded_server import free_port
from tests.mlflow_file import write_mlflow_file
from tests.pipelines.nights import AS_OF, QUIET, Night, ask_aws_once

pytestmark = QUIET

PASSWORD = "a long enough password"
ROLES = 'author = ["alice"]\nreviewer = ["rita", "rolf"]\ndeployer = ["night"]\n'
ONE = {"training__trials": 1, "training__lightgbm__members": 1}


def sign_in(patch: pytest.MonkeyPatch, name: str) -> None:
    patch.setenv("MLFLOW_TRACKING_USERNAME", name)
    patch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder, port = tmp_path_factory.mktemp("guarded"), free_port()
    (folder / "roles.toml").write_text(ROLES)
    environment = {
        **os.environ, "OVERNIGHT_ROLES": str(folder / "roles.toml"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD, "MLFLOW_FLASK_SERVER_SECRET_KEY": "of this test",
    }  # fmt: skip
    write_mlflow_file(folder)
    service = build_mlflow(
        environment, home=folder, tracking_uri=f"sqlite:///{folder}/mlflow.db", port=port
    )
    address = f"http://127.0.0.1:{port}"
    with running([service]), pytest.MonkeyPatch.context() as patch:
        known = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        for name in ("alice", "rita", "rolf", "night"):
            sent = urllib.request.Request(
                f"{address}/api/2.0/mlflow/users/create",
                json.dumps({"username": name, "password": PASSWORD}).encode(),
                headers={"Content-Type": "application/json", "Authorization": f"Basic {known}"},
            )
            urllib.request.urlopen(sent, timeout=60).close()
        patch.setenv("OVERNIGHT_HOME", str(folder))
        patch.setenv("MLFLOW_TRACKING_URI", address)
        patch.delenv("OVERNIGHT_LAKE", raising=False)
        sign_in(patch, "night")
        ask_aws_once(patch)
        load_settings.cache_clear()
        yield Night(folder)
    load_settings.cache_clear()


@pytest.fixture(scope="module")
def versions(guarded: Night) -> list[Version]:
    """Two that the nightly run registered, signed in as the deployer; rita made the first."""
    made = []
    for seed in (1, 2):
        reference = guarded.reference(training__seed=seed, **ONE)
        run = guarded.candidate(training__seed=seed, **ONE)
        made.append(guarded.registry.get(steps.register(reference, AS_OF, run)))
    guarded.registry.tag_version(made[0], {"overnight.author": "rita (Airflow)"})
    return made


def test_each_decision_names_who_the_server_knows(
    guarded: Night, versions: list[Version], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, good = (str(version.number) for version in versions)
    sign_in(monkeypatch, "alice")
    with pytest.raises(InputError, match="alice: only the deployer may change"):
        steps.approve(guarded.reference(), good, "I made it")
    with pytest.raises(InputError, match="alice: only a reviewer may move the alias approved"):
        guarded.registry.set_alias("approved", versions[1])
    sign_in(monkeypatch, "rita")
    with pytest.raises(ProblemsError, match=r"rita \(MLflow\) made it; another person"):
        steps.approve(guarded.reference(), own, "mine")
    guarded.registry.set_alias("approved", versions[0])  # in the page nothing stops her
    sign_in(monkeypatch, "night")
    assert steps.reconcile(guarded.reference()) == "nothing"
    assert "approved" not in guarded.registry.aliases()
    sign_in(monkeypatch, "rita")
    steps.approve(guarded.reference(), good, "best of the week")
    sign_in(monkeypatch, "rolf")
    steps.reject(guarded.reference(), own, "too many alerts at night")
    sign_in(monkeypatch, "night")
    assert steps.reconcile(guarded.reference()) == f"models:/cards/{good}"
    chain = open_decisions(guarded.spec, guarded.registry).load()
    told = [(r.kind, r.version, r.actor, r.reason) for r in chain.records[2:]]
    assert [each[:2] for each in told] == [
        ("restoration", int(own)), ("rejection", int(own)), ("approval", int(good)),
    ]  # fmt: skip
    assert "rita (MLflow) made it" in told[0][3]
    assert told[1][2:] == ("rolf (MLflow)", "too many alerts at night")
    assert told[2][2:] == ("rita (MLflow)", "best of the week")


def test_a_planted_run_is_neither_taken_nor_evaluated_nor_registered(
    guarded: Night, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An author makes a run with the tags of the real one, a changed bundle and another author."""
    import mlflow
    from mlflow.entities import RunTag
    from mlflow.exceptions import MlflowException

    sign_in(monkeypatch, "night")
    seed = {"training__seed": 3, **ONE}
    reference, true = guarded.reference(**seed), guarded.candidate(**seed)
    study = guarded.registry.runs.tags(true[6:])["overnight.study"]
    tags = {k: v for k, v in guarded.registry.runs.tags(true[6:]).items() if "overnight." in k}
    forged = {**tags, "overnight.author": "schedule", "overnight.bundle_digest": "0" * 64}
    sign_in(monkeypatch, "alice")
    client = mlflow.MlflowClient()
    experiment = client.get_run(true[6:]).info.experiment_id
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/model.txt").write_text("other")
    own = client.create_run(experiment).info.run_id
    for plant in (
        lambda: client.create_run(experiment, tags=forged),
        lambda: client.set_tag(own, "overnight.inputs", tags["overnight.inputs"]),
        lambda: client.log_batch(own, tags=[RunTag(k, v) for k, v in forged.items()]),
        lambda: client.log_batch(true[6:], tags=[RunTag("overnight.author", "schedule")]),
        lambda: client.set_tag(true[6:], "note", "x"),
        lambda: client.delete_run(true[6:]),
        lambda: client.log_param(true[6:], "x", "y"),
    ):
        with pytest.raises(MlflowException, match="alice: only the deployer may"):
            plant()
    # As it was planted before there was a guard, or by whoever writes MLflow's database.
    sign_in(monkeypatch, "night")
    planted = client.create_run(experiment, tags=forged).info.run_id
    client.log_artifacts(planted, str(tmp_path / "bundle"), "bundle")
    assert steps.train(reference, AS_OF, guarded.training_set, study) == true
    for step in (
        lambda: steps.evaluate(reference, AS_OF, guarded.training_set, f"runs:/{planted}"),
        lambda: steps.register(reference, AS_OF, f"runs:/{planted}"),
    ):
        with pytest.raises(InputError, match="no record that train made the model of runs:/"):
            step()
    client.set_tag(true[6:], "overnight.author", "schedule")
    version = guarded.registry.get(steps.register(reference, AS_OF, true))
    assert version.tags["overnight.author"] == str(os_actor())


def test_a_run_that_the_server_does_not_know_as_the_deployers_is_not_gone_on_with(
    guarded: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    sign_in(monkeypatch, "night")
    seed = {"training__seed": 4, **ONE}
    true = guarded.candidate(**seed)
    client, tags = mlflow.MlflowClient(), guarded.registry.runs.tags(true[6:])
    client.delete_run(true[6:])
    experiment = client.get_run(true[6:]).info.experiment_id
    cut_off = {key: tags[key] for key in ("overnight.inputs", "overnight.kind")}
    planted = client.create_run(experiment, tags=cut_off).info.run_id
    again = guarded.candidate(**seed)
    assert again not in {true, f"runs:/{planted}"}
    assert guarded.registry.runs.tags(again[6:])["overnight.maker"] == "night (MLflow)"
