"""Rollouts that fail while they are watched, and slow ones."""

import threading

import pytest

from expectations.contract import OvernightError
from tests.infra.embedded_server import wait_for
from tests.pipelines.nights import QUIET
from tests.rollouts.outcome import consistent, promoted_once
from tests.rollouts.rig import Rig

pytestmark = QUIET


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("start_failure", "went back to"),
        ("insufficient_capacity", "capacity"),
        ("alarm", "ALARM"),
    ],
)
def test_a_rollout_that_fails_is_told_as_rolled_back_and_may_be_repeated(
    rig: Rig, kind: str, told: str
) -> None:
    more = {"alarm": "cards-"} if kind == "alarm" else {}
    rig.arm({"kind": kind, "endpoint": "cards", **more})
    with rig.asked() as traffic:
        with pytest.raises(OvernightError, match=f"ROLLED_BACK.*{told}"):
            rig.deploy()
        rig.disarm()
    consistent(rig, traffic, serves=1)
    assert rig.kinds()[-1] == "failure"
    assert rig.registry.aliases()["approved"] == 2
    promoted_once(rig)


def test_a_new_container_that_crashes_while_it_is_watched_turns_the_rollout_back(
    rig: Rig,
) -> None:
    rig.reference = rig.watched_for(300)

    def crash() -> None:
        assert wait_for(lambda: rig.pending().get("ProductionVariants"))
        rig.arm({"kind": "crash", "endpoint": "cards"})

    thread = threading.Thread(target=crash)
    with rig.asked() as traffic:
        thread.start()
        with pytest.raises(OvernightError, match=r"ROLLED_BACK.*crashed"):
            rig.deploy()
        thread.join()
    consistent(rig, traffic, serves=1)


def test_scores_that_are_not_those_of_training_turn_the_rollout_back(rig: Rig) -> None:
    # The client asks one row over and over, which is no sample of what training saw.
    rig.reference = rig.watched_shifts(600)
    with rig.asked() as traffic, pytest.raises(OvernightError, match=r"ROLLED_BACK.*score-shift"):
        rig.deploy()
    consistent(rig, traffic, serves=1)


def test_a_slow_start_fails_no_request(rig: Rig) -> None:
    rig.arm({"kind": "slow_start", "endpoint": "cards", "seconds": 3})
    with rig.asked() as traffic:
        rig.deploy()
    consistent(rig, traffic, serves=2)


def test_an_endpoint_that_cannot_be_asked_is_not_promoted_on_trust(rig: Rig) -> None:
    rig.arm(
        {"kind": "api", "service": "sagemaker-runtime", "operation": "InvokeEndpoint",
         "times": None, "code": "InternalFailure", "status": 500}
    )  # fmt: skip
    with pytest.raises(OvernightError):
        rig.deploy()
    assert rig.chain.champion == 1
    promoted_once(rig)
