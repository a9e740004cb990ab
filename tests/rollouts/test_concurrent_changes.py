"""Changes by somebody else before a deployment has ended."""

import threading

import boto3
import pytest

from expectations.contract import OvernightError
from infra.sagemaker.control.client import BusyError
from pipelines import steps
from tests.pipelines.nights import QUIET
from tests.rollouts.house import House
from tests.rollouts.outcome import consistent, promoted_once

pytestmark = QUIET


def test_two_deployments_at_once_end_as_one(house: House) -> None:
    ended: list[str] = []

    def deploy() -> None:
        try:
            ended.append(house.deploy())
        except OvernightError as error:
            ended.append(str(error))

    with house.asked() as traffic:
        threads = [threading.Thread(target=deploy) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ended == ["endpoints:/cards/2"] * 2
    consistent(house, traffic, serves=2)
    assert house.kinds().count("promotion") == 2  # that of version 1, and one of version 2


def test_a_deployment_during_somebody_elses_says_so_and_changes_nothing(house: House) -> None:
    client = boto3.client("sagemaker")
    live = client.describe_endpoint(EndpointName="cards")["EndpointConfigName"]
    held = client.describe_endpoint_config(EndpointConfigName=live)
    other = f"other-{house.case}"[:60].rstrip("-")
    client.create_endpoint_config(
        EndpointConfigName=other, ProductionVariants=held["ProductionVariants"]
    )
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 600}
    client.update_endpoint(
        EndpointName="cards", EndpointConfigName=other,
        DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}},
    )  # fmt: skip
    client.close()
    with house.asked() as traffic, pytest.raises(BusyError, match=f"moves cards to {other}"):
        house.deploy()
    assert house.chain.champion == 1
    assert traffic.errors == []
    house.settle()
    promoted_once(house)


def test_an_approval_that_is_taken_back_during_the_rollout_is_not_promoted(house: House) -> None:
    deployed = steps.roll_out(house.reference)
    outcome = steps.verify(house.reference, deployed)
    steps.reject(house.reference, "2", "wrong after all")
    with pytest.raises(OvernightError, match="not approved any more"):
        steps.finalise(house.reference, deployed, outcome)
    assert house.chain.champion == 1


def test_what_was_verified_and_then_changed_is_not_promoted(house: House) -> None:
    deployed = steps.roll_out(house.reference)
    outcome = steps.verify(house.reference, deployed)
    with pytest.raises(OvernightError, match="does not serve the champion"):
        steps.end(house.reference)
    house.reset()  # somebody puts version 1 back by hand
    with pytest.raises(OvernightError, match="which does not serve any more"):
        steps.finalise(house.reference, deployed, outcome)
    assert house.chain.champion == 1
    promoted_once(house)
