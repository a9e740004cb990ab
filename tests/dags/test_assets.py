"""What the watcher of the alias `approved` tells, asked of a real registry."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from dags.assets import ApprovalTrigger
from pipelines.config.installation.actors import Actor
from pipelines.config.installation.settings import load_settings
from pipelines.config.spec import load_spec
from pipelines.governance.decision_log import Digests, decide
from pipelines.governance.digests import open_decisions
from pipelines.tracking.registry import open_registry
from tests.mlflow_file import write_mlflow_file
from tests.pipelines.nights import QUIET

pytestmark = QUIET


class Counted(ApprovalTrigger):
    """Says how often it looked."""

    looks = 0

    def _read_alias(self) -> str | None:
        found = super()._read_alias()
        self.looks += 1
        return found


async def told_of_two_approvals(client: mlflow.MlflowClient) -> list[object]:
    """Version 1 is approved, taken back, and approved again."""
    trigger = Counted("demo", seconds=0.01)
    events = trigger.run()
    client.set_registered_model_alias("demo", "approved", "1")
    told = [(await anext(events)).payload]
    client.delete_registered_model_alias("demo", "approved")
    waiting = asyncio.ensure_future(anext(events))
    looked = trigger.looks
    while trigger.looks < looked + 2:
        await asyncio.sleep(0.01)
    client.set_registered_model_alias("demo", "approved", "1")
    told.append((await waiting).payload)
    return told


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[mlflow.MlflowClient]:
    """A registry with two versions of the demo."""
    monkeypatch.setenv("OVERNIGHT_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    load_settings.cache_clear()
    write_mlflow_file(tmp_path)
    mlflow.set_tracking_uri(load_settings().tracking_uri)
    client = mlflow.MlflowClient()
    client.create_registered_model("demo")
    for _ in range(2):
        client.create_model_version("demo", source="s3://bucket/model")
    yield client
    load_settings.cache_clear()


def promote(number: int) -> None:
    """Enter into the decision log that a version serves."""
    spec = load_spec("demo")
    digests = Digests(model="m", data="d", metrics="x", policy="p")
    for kind in ("registration", "approval", "promotion"):
        open_decisions(spec, open_registry(spec)).record(
            lambda _, kind=kind: decide(
                kind, number, actor=Actor("ada", "MLflow"), reason="good", gate="accepted",
                digests=digests,
            )
        )  # fmt: skip


async def first_told(trigger: ApprovalTrigger, client: mlflow.MlflowClient) -> object:
    """What is told first, where version 2 is approved once the watcher has looked."""
    events = trigger.run()
    waiting = asyncio.ensure_future(anext(events))
    while trigger.looks < 2 and not waiting.done():
        await asyncio.sleep(0.01)
    client.set_registered_model_alias("demo", "approved", "2")
    return (await waiting).payload["approved"]


def test_an_approval_that_was_deployed_before_anything_watched_starts_nothing(
    client: mlflow.MlflowClient,
) -> None:
    promote(1)
    client.set_registered_model_alias("demo", "approved", "1")
    told = asyncio.run(first_told(Counted("demo", seconds=0.01), client))
    assert told == "models:/demo/2"


def test_an_approval_that_waits_is_told_at_the_first_look_whatever_the_aliases_say(
    client: mlflow.MlflowClient,
) -> None:
    for alias in ("approved", "champion"):
        client.set_registered_model_alias("demo", alias, "1")
    told = asyncio.run(first_told(Counted("demo", seconds=0.01), client))
    assert told == "models:/demo/1"


def test_an_approval_that_was_taken_back_and_is_given_again_is_told_again(
    client: mlflow.MlflowClient,
) -> None:
    told = asyncio.run(told_of_two_approvals(client))
    assert [(each["approved"], each["before"]) for each in told] == [
        ("models:/demo/1", None), ("models:/demo/1", ""),
    ]  # fmt: skip
