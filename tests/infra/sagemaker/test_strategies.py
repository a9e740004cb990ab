"""The suite that every deployment strategy passes; a new one adds a line to `EXPECTED`."""

import threading

import boto3
import botocore.session
import pytest
from botocore.validate import validate_parameters
from pydantic import ValidationError

from infra.sagemaker.control.configuration import Release, plan_configuration
from infra.sagemaker.control.deployment import abort, roll_out, verify
from infra.sagemaker.policy import EndpointPolicy
from infra.sagemaker.runtime.invocation import ask
from infra.sagemaker.strategies import (
    STRATEGIES,
    TrafficPolicy,
    build_deployment_config,
    describe_traffic,
    traffic_shares,
)
from tests.infra.bundles import make_instances
from tests.infra.embedded_server import wait_for

# Written by hand from SageMaker's guide to deployment guardrails: the share of traffic on the
# new fleet, in percent, after each step; the member of the request with the size.
EXPECTED = {
    "all_at_once": ({}, (100,), None),
    "canary": ({"canary_percent": 20}, (20, 100), ("CanarySize", 20)),
    "linear": ({"linear_percent": 40}, (40, 80, 100), ("LinearStepSize", 40)),
}
SIZES = {"CanarySize", "LinearStepSize"}
ENDPOINT = {"EndpointName": "demo", "EndpointConfigName": "demo-1"}
# 200 s of SageMaker are 2 s of the emulator: long enough to be seen by a client that polls.
BAKE_SECONDS = 200

pytestmark = pytest.mark.usefixtures("server")
each_strategy = pytest.mark.parametrize("name", STRATEGIES)


def policy_of(name, **more):
    return EndpointPolicy(strategy=name, **EXPECTED[name][0], **more)


def routing_of(policy, alarms=()):
    config = build_deployment_config(policy, [*alarms])
    return config["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]


@pytest.fixture(scope="module")
def update_endpoint():
    """The shape of UpdateEndpoint's request, as AWS describes it."""
    model = botocore.session.get_session().get_service_model("sagemaker")
    return model.operation_model("UpdateEndpoint").input_shape


def test_every_strategy_has_its_expected_course_here():
    assert set(EXPECTED) == set(STRATEGIES)
    assert len({strategy.routing_type for strategy in STRATEGIES.values()}) == len(STRATEGIES)


@each_strategy
def test_the_request_is_one_that_aws_describes(name, update_endpoint):
    config = build_deployment_config(policy_of(name), ["demo-errors"])
    validate_parameters({**ENDPOINT, "DeploymentConfig": config}, update_endpoint)
    routing = update_endpoint.members["DeploymentConfig"].members["BlueGreenUpdatePolicy"]
    kinds = routing.members["TrafficRoutingConfiguration"].members["Type"].enum
    assert routing_of(policy_of(name))["Type"] in kinds
    assert config["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": "demo-errors"}]}


@each_strategy
def test_the_request_has_the_size_that_its_type_needs_and_no_other(name):
    routing = routing_of(policy_of(name))
    found = {member: routing[member] for member in SIZES & {*routing}}
    size = EXPECTED[name][2]
    wanted = {} if size is None else {size[0]: {"Type": "CAPACITY_PERCENT", "Value": size[1]}}
    assert found == wanted


@each_strategy
def test_each_step_bakes_as_long_as_the_spec_says(name):
    assert routing_of(policy_of(name, bake_seconds=77))["WaitIntervalInSeconds"] == 77
    assert "watched for 77 s" in describe_traffic(policy_of(name, bake_seconds=77))


@each_strategy
def test_the_shares_are_those_of_the_guide(name):
    assert traffic_shares(policy_of(name)) == EXPECTED[name][1]


@each_strategy
def test_whatever_the_allowed_size_the_shares_rise_to_all_traffic(name):
    size = STRATEGIES[name].step_size
    for percent in range(1, 101):
        try:
            more = {} if size is None else {size.setting: percent}
            shares = traffic_shares(TrafficPolicy(strategy=name, **more))
        except ValidationError:
            continue
        assert list(shares) == sorted(set(shares))
        assert (shares[0] > 0, shares[-1]) == (True, 100)


@each_strategy
def test_a_size_that_sagemaker_refuses_is_refused_in_the_spec(name):
    size = STRATEGIES[name].step_size
    for percent in () if size is None else (0, 51):
        with pytest.raises(ValidationError, match=size.setting):
            TrafficPolicy(strategy=name, **{size.setting: percent})


def test_a_strategy_that_nobody_declared_is_refused_with_those_that_are():
    with pytest.raises(ValidationError, match="all_at_once, canary, linear"):
        TrafficPolicy(strategy="rolling")


class Shares(threading.Thread):
    """Reads the share of the new fleet until it is stopped; `seen` has each new one, in percent."""

    def __init__(self, endpoint):
        super().__init__()
        self.endpoint, self.seen, self.is_over = endpoint, [], threading.Event()

    def run(self):
        client = boto3.client("sagemaker")
        while not self.is_over.wait(0.05):
            found = client.describe_endpoint(EndpointName=self.endpoint)
            pending = found.get("PendingDeploymentSummary", {}).get("ProductionVariants")
            share = round(100 * pending[0]["CurrentWeight"]) if pending else None
            if share and self.seen[-1:] != [share]:
                self.seen.append(share)
        client.close()


@pytest.fixture
def shares():
    """Start to read the shares of an endpoint."""
    readers = []

    def start(endpoint):
        readers.append(Shares(endpoint))
        readers[-1].start()
        return readers[-1]

    yield start
    for reader in readers:
        reader.is_over.set()
        reader.join()


def configuration_of(bundle, name, *, case, policy):
    spec = f"{case}_{name}"
    return plan_configuration(Release("1", bundle.folder), spec=spec, policy=policy)


@each_strategy
def test_the_emulator_carries_it_out_step_by_step(name, bundles, shares):
    policy = policy_of(name, bake_seconds=BAKE_SECONDS)
    roll_out(configuration_of(bundles["v1"], name, case="steps", policy=policy))
    wanted = configuration_of(bundles["v2"], name, case="steps", policy=policy)
    reader = shares(wanted.endpoint)
    roll_out(wanted)
    result = verify(wanted, champion_digest=bundles["v1"].digest)
    assert (result.outcome, result.reason) == ("PROMOTED", "")
    assert tuple(reader.seen) == EXPECTED[name][1]


@each_strategy
def test_an_abort_gives_all_traffic_back_to_the_old_fleet(name, bundles, shares):
    before = configuration_of(bundles["v1"], name, case="abort", policy=policy_of(name))
    roll_out(before)
    policy = policy_of(name, bake_seconds=3_600)
    wanted = configuration_of(bundles["v2"], name, case="abort", policy=policy)
    reader = shares(wanted.endpoint)
    update = threading.Thread(target=roll_out, args=(wanted,))
    update.start()
    try:
        assert wait_for(lambda: reader.seen, seconds=60)
        abort(wanted.endpoint)
    finally:
        update.join()
    result = verify(wanted, champion_digest=bundles["v1"].digest)
    assert (result.outcome, result.config) == ("ROLLED_BACK", before.config)
    assert reader.seen == [EXPECTED[name][1][0]]
    instances = make_instances(20, seed=5)
    found = [p.score for p in ask(wanted.endpoint, instances, inference_id="t-1").predictions]
    assert found == bundles["v1"].expected(instances)
