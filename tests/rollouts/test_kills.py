"""A deployment whose process is killed at one of its side effects, and then run again."""

import os
import signal
import subprocess
import sys

import pytest

from tests.pipelines.nights import QUIET
from tests.rollouts.outcome import consistent, promoted_once
from tests.rollouts.rig import Rig

pytestmark = QUIET

EFFECTS = (
    "CreateBucket", "PutObject", "CreateModel", "PutMetricAlarm", "CreateEndpointConfig",
    "UpdateEndpoint", "InvokeEndpoint", "promotion", "alias",
)  # fmt: skip


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_deployment_that_is_killed_is_finished_by_the_next(rig: Rig, effect: str) -> None:
    # After one effect is before the next: so every gap between two is met.
    command = [sys.executable, "-m", "tests.rollouts.killed", rig.reference, effect, "after"]
    with rig.asked() as traffic:
        ran = subprocess.run(command, env=os.environ, capture_output=True, check=False, timeout=120)
        assert ran.returncode == -signal.SIGKILL, ran.stderr.decode()
        rig.settle()
    assert traffic.errors == []
    done = effect in ("promotion", "alias")
    assert rig.chain.champion == (2 if done else 1)
    promoted_once(rig)
    names = rig.made()
    assert {kind: len(found) for kind, found in names.items()} == {"models": 1, "configs": 1}


def test_a_deployment_that_is_killed_in_the_middle_of_the_shift_is_joined(rig: Rig) -> None:
    slow = rig.watched_for(300)
    command = [sys.executable, "-m", "tests.rollouts.killed", slow, "UpdateEndpoint", "after"]
    with rig.asked() as traffic:
        ran = subprocess.run(command, env=os.environ, capture_output=True, check=False, timeout=120)
        assert ran.returncode == -signal.SIGKILL, ran.stderr.decode()
        assert rig.live()["EndpointStatus"] == "Updating"
        rig.deploy()
    consistent(rig, traffic, serves=2)
