"""Changes by somebody else before a deployment has ended."""

import threading

import boto3
import pytest

from expectations.contract import OvernightError
from infra.sagemaker.control.client import BusyError
from pipelines import steps
from tests.pipelines.nights import QUIET
from tests.rollouts.outcome import consistent, promoted_once
from tests.rollouts.rig import Rig

pytestmark = QUIET


def test_two_deployments_at_once_end_as_one(rig: Rig) -> None:
    ended: list[str] = []

    def deploy() -> None:
        try:
            ended.append(rig.deploy())
        except OvernightError as error:
            ended.append(str(error))

    with rig.asked() as traffic:
        threads = [threading.Thread(target=deploy) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ended == ["endpoints:/cards/2"] * 2
    consistent(rig, traffic, serves=2)
    assert rig.kinds().count("promotion") == 2  # that of version 1, and one of version 2


def test_a_deployment_during_somebody_elses_says_so_and_changes_nothing(rig: Rig) -> None:
    client = boto3.client("sagemaker")
    live = client.describe_endpoint(EndpointName="cards")["EndpointConfigName"]
    held = client.describe_endpoint_config(EndpointConfigName=live)
    other = f"other-{rig.case}"[:60].rstrip("-")
    client.create_endpoint_config(
        EndpointConfigName=other, ProductionVariants=held["ProductionVariants"]
    )
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 600}
    client.update_endpoint(
        EndpointName="cards", EndpointConfigName=other,
        DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}},
    )  # fmt: skip
    client.close()
    with rig.asked() as traffic, pytest.raises(BusyError, match=f"moves cards to {other}"):
        rig.deploy()
    assert rig.chain.champion == 1
    assert traffic.errors == []
    rig.settle()
    promoted_once(rig)


def test_an_approval_that_is_taken_back_during_the_rollout_is_not_promoted(rig: Rig) -> None:
    deployed = steps.roll_out(rig.reference)
    outcome = steps.verify(rig.reference, deployed)
    steps.reject(rig.reference, "2", "wrong after all")
    with pytest.raises(OvernightError, match="not approved any more"):
        steps.finalise(rig.reference, deployed, outcome)
    assert rig.chain.champion == 1


def test_what_was_verified_and_then_changed_is_not_promoted(rig: Rig) -> None:
    deployed = steps.roll_out(rig.reference)
    outcome = steps.verify(rig.reference, deployed)
    with pytest.raises(OvernightError, match="does not serve the champion"):
        steps.end(rig.reference)
    rig.reset()  # somebody puts version 1 back by hand
    with pytest.raises(OvernightError, match="which does not serve any more"):
        steps.finalise(rig.reference, deployed, outcome)
    assert rig.chain.champion == 1
    promoted_once(rig)
