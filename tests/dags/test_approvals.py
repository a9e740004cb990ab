"""What the watcher of the alias `approved` tells, asked of a real registry."""

import asyncio
from pathlib import Path

import mlflow
import pytest

from dags.approvals import ApprovalTrigger
from pipelines.settings import load_settings
from tests.pipelines.nights import QUIET

pytestmark = QUIET


class Counted(ApprovalTrigger):
    """Says how often it looked."""

    looks = 0

    def _look(self) -> str | None:
        found = super()._look()
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


def test_an_approval_that_was_taken_back_and_is_given_again_is_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERNIGHT_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    load_settings.cache_clear()
    mlflow.set_tracking_uri(load_settings().tracking_uri)
    client = mlflow.MlflowClient()
    client.create_registered_model("demo")
    client.create_model_version("demo", source="s3://bucket/model")
    told = asyncio.run(told_of_two_approvals(client))
    load_settings.cache_clear()
    assert [(each["approved"], each["before"]) for each in told] == [
        ("models:/demo/1", None), ("models:/demo/1", ""),
    ]  # fmt: skip
