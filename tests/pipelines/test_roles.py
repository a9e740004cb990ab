"""Where everybody signs in: a reviewer asks, the server notes who, the deployer records."""

import base64
import json
import os
import urllib.request
from collections.abc import Iterator

import pytest

from expectations.contract import InputError, ProblemsError
from infra.processes import running
from infra.tracking.server import build_mlflow
from pipelines import steps
from pipelines.evidence import open_decisions
from pipelines.registry import Version
from pipelines.settings import load_settings
from tests.infra.embedded_server import free_port
from tests.pipelines.nights import AS_OF, QUIET, Night

pytestmark = QUIET

PASSWORD = "a long enough password"
ROLES = 'author = ["alice"]\nreviewer = ["rita", "rolf"]\ndeployer = ["night"]\n'
ONE = {"training__trials": 1, "training__members": 1}


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
