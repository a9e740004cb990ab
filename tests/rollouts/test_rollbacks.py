"""Rollbacks, before a deployment has ended and after it."""

import threading
import time

import pytest

from expectations.contract import OvernightError
from pipelines import steps
from tests.infra.embedded_server import wait_for
from tests.pipelines.nights import QUIET
from tests.rollouts.calls import fault
from tests.rollouts.outcome import consistent
from tests.rollouts.rig import Rig

pytestmark = QUIET


def test_a_rollback_of_a_deployment_that_was_not_settled_goes_back_to_the_champion(
    rig: Rig,
) -> None:
    deployed = steps.roll_out(rig.reference)
    outcome = steps.verify(rig.reference, deployed)
    with rig.asked() as traffic:
        steps.rollback(rig.reference, "seen enough")
        with pytest.raises(OvernightError, match="which does not serve any more"):
            steps.finalise(rig.reference, deployed, outcome)
    consistent(rig, traffic, serves=1)
    assert rig.registry.aliases()["approved"] == 1
    # What was taken back is not deployed by the next window.
    rig.deploy()
    assert rig.chain.champion == 1
    assert rig.kinds().count("rollback") == 1


def test_a_rollback_in_the_middle_of_the_first_shift_goes_back_to_the_champion(
    rig: Rig,
) -> None:
    slow = rig.watched_for(3600)
    ended: list[str] = []

    def deploy() -> None:
        try:
            ended.append(steps.deploy(slow))
        except OvernightError as error:
            ended.append(str(error))

    thread = threading.Thread(target=deploy)
    began = time.monotonic()
    with rig.asked() as traffic:
        thread.start()
        assert wait_for(lambda: rig.pending().get("ProductionVariants"))
        steps.rollback(rig.reference, "too many alerts")
        thread.join()
    assert time.monotonic() - began < 30
    assert "ROLLED_BACK" in ended[0]
    consistent(rig, traffic, serves=1)


def test_a_rollback_in_the_middle_of_a_shift_waits_for_it_and_ends_it(rig: Rig) -> None:
    rig.deploy()
    with rig.asked() as traffic:
        # Somebody moves the endpoint on; the rollback comes while that goes on.
        rig.begin_slow_update()
        steps.rollback(rig.reference, "too many alerts")
    consistent(rig, traffic, serves=1)
    assert rig.registry.aliases()["approved"] == 1
    assert rig.kinds()[-1] == "rollback"


def test_a_rollback_whose_call_fails_leaves_the_champion_and_may_be_repeated(rig: Rig) -> None:
    rig.deploy()
    rig.arm(fault("UpdateEndpoint", times=None, code="AccessDeniedException"))
    with rig.asked() as traffic:
        with pytest.raises(OvernightError):
            steps.rollback(rig.reference, "too many alerts")
        rig.disarm()
    consistent(rig, traffic, serves=2)
    with rig.asked() as traffic:
        steps.rollback(rig.reference, "too many alerts")
    consistent(rig, traffic, serves=1)
