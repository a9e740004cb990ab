"""Rollbacks, before a deployment has ended and after it."""

import threading
import time

import pytest

from expectations.contract import OvernightError
from pipelines import steps
from tests.infra.embedded_server import wait_for
from tests.pipelines.nights import QUIET
from tests.rollouts.calls import fault
from tests.rollouts.house import House
from tests.rollouts.outcome import consistent

pytestmark = QUIET


def test_a_rollback_of_a_deployment_that_was_not_settled_goes_back_to_the_champion(
    house: House,
) -> None:
    deployed = steps.roll_out(house.reference)
    outcome = steps.verify(house.reference, deployed)
    with house.asked() as traffic:
        steps.rollback(house.reference, "seen enough")
        with pytest.raises(OvernightError, match="which does not serve any more"):
            steps.finalise(house.reference, deployed, outcome)
    consistent(house, traffic, serves=1)
    assert house.registry.aliases()["approved"] == 1
    # What was taken back is not deployed by the next window.
    house.deploy()
    assert house.chain.champion == 1
    assert house.kinds().count("rollback") == 1


def test_a_rollback_in_the_middle_of_the_first_shift_goes_back_to_the_champion(
    house: House,
) -> None:
    slow = house.watched_for(3600)
    ended: list[str] = []

    def deploy() -> None:
        try:
            ended.append(steps.deploy(slow))
        except OvernightError as error:
            ended.append(str(error))

    thread = threading.Thread(target=deploy)
    began = time.monotonic()
    with house.asked() as traffic:
        thread.start()
        assert wait_for(lambda: house.pending().get("ProductionVariants"))
        steps.rollback(house.reference, "too many alerts")
        thread.join()
    assert time.monotonic() - began < 30
    assert "ROLLED_BACK" in ended[0]
    consistent(house, traffic, serves=1)


def test_a_rollback_in_the_middle_of_a_shift_waits_for_it_and_ends_it(house: House) -> None:
    house.deploy()
    with house.asked() as traffic:
        # Somebody moves the endpoint on; the rollback comes while that goes on.
        house.begin_slow_update()
        steps.rollback(house.reference, "too many alerts")
    consistent(house, traffic, serves=1)
    assert house.registry.aliases()["approved"] == 1
    assert house.kinds()[-1] == "rollback"


def test_a_rollback_whose_call_fails_leaves_the_champion_and_may_be_repeated(house: House) -> None:
    house.deploy()
    house.arm(fault("UpdateEndpoint", times=None, code="AccessDeniedException"))
    with house.asked() as traffic:
        with pytest.raises(OvernightError):
            steps.rollback(house.reference, "too many alerts")
        house.disarm()
    consistent(house, traffic, serves=2)
    with house.asked() as traffic:
        steps.rollback(house.reference, "too many alerts")
    consistent(house, traffic, serves=1)
