"""Scripted failures of a deployment: after each one, and after another run, all is consistent."""

import threading
import time

import boto3
import pytest

from expectations.contract import OvernightError
from infra.sagemaker.artifact import build_archive
from infra.sagemaker.control.client import BusyError
from pipelines import steps
from pipelines.deployment.releases import endpoint_configuration
from tests.infra.bundles import make_bundle
from tests.infra.embedded_server import wait_for
from tests.pipelines.nights import QUIET
from tests.rollouts.house import House, Traffic

pytestmark = QUIET

# Every operation that a deployment calls, beside those that score.
CALLS = {
    "DescribeEndpoint": "sagemaker",
    "DescribeEndpointConfig": "sagemaker",
    "DescribeModel": "sagemaker",
    "CreateModel": "sagemaker",
    "CreateEndpointConfig": "sagemaker",
    "UpdateEndpoint": "sagemaker",
    "HeadBucket": "s3",
    "CreateBucket": "s3",
    "HeadObject": "s3",
    "PutObject": "s3",
    "DescribeAlarms": "monitoring",
    "PutMetricAlarm": "monitoring",
}
CHANGING = [name for name in CALLS if not name.startswith(("Describe", "Head"))]
READING = [name for name in CALLS if name not in CHANGING]


def fault(operation: str, **more: object) -> dict:
    return {"kind": "api", "service": CALLS[operation], "operation": operation, **more}


def consistent(house: House, traffic: Traffic, *, serves: int) -> None:
    """The endpoint serves one whole version, the alias and the chain name it, nobody noticed."""
    live = house.live()
    assert live["EndpointStatus"] == "InService"
    assert house.chain.champion == serves
    assert house.registry.aliases()["champion"] == serves
    assert traffic.errors == []
    assert traffic.digests[-1] == house.digest(serves)
    assert set(traffic.digests) <= {house.digest(1), house.digest(2)}


def promoted_once(house: House) -> None:
    """Another run finds everything done; one promotion of version 2 is in the chain."""
    house.disarm()
    house.deploy()
    promotions = [r.version for r in house.chain.records if r.kind == "promotion"]
    assert promotions == [1, 2]
    with house.asked() as traffic:
        house.deploy()
    consistent(house, traffic, serves=2)


@pytest.mark.parametrize("effect", ["error", "lost_reply"])
@pytest.mark.parametrize("operation", CHANGING)
def test_a_call_that_fails_once_is_made_again(house: House, operation: str, effect: str) -> None:
    # S3 throttles with 503, and an answer to HEAD has no body that could name the error.
    status = 503 if CALLS[operation] == "s3" else 400
    house.arm(fault(operation, effect=effect, times=1, status=status))
    with house.asked() as traffic:
        house.deploy()
    consistent(house, traffic, serves=2)
    assert [r.version for r in house.chain.records if r.kind == "promotion"] == [1, 2]


@pytest.mark.parametrize("effect", ["error", "lost_reply", "drop"])
def test_reading_calls_that_fail_once_each_are_made_again(house: House, effect: str) -> None:
    house.arm(*(fault(operation, effect=effect, status=503) for operation in READING))
    with house.asked() as traffic:
        house.deploy()
    consistent(house, traffic, serves=2)


@pytest.mark.parametrize("operation", [*CHANGING, "DescribeEndpoint", "HeadObject"])
def test_a_permission_that_is_missing_is_named_and_the_champion_serves_on(
    house: House, operation: str
) -> None:
    house.arm(
        fault(
            operation, times=None, code="AccessDeniedException",
            status=403 if CALLS[operation] == "s3" else 400,
            message=f"not authorized to perform: {CALLS[operation]}:{operation}",
        )
    )  # fmt: skip
    with house.asked() as traffic:
        with pytest.raises(OvernightError, match=rf"(?s){operation}|Forbidden|AccessDenied"):
            house.deploy()
        house.disarm()
    consistent(house, traffic, serves=1)
    promoted_once(house)


@pytest.mark.parametrize("operation", ["DescribeEndpoint", "CreateModel", "UpdateEndpoint"])
def test_a_call_that_never_answers_ends_the_deployment_in_bounded_time(
    house: House, impatient, operation: str
) -> None:
    with house.asked() as traffic:
        impatient()
        house.arm(fault(operation, effect="hang", times=None))
        with pytest.raises(OvernightError, match="attempts"):
            house.deploy()
        house.disarm()
    consistent(house, traffic, serves=1)
    promoted_once(house)


def test_every_changing_call_that_answers_late_is_found_done(house: House, impatient) -> None:
    with house.asked() as traffic:
        impatient()
        house.arm(*(fault(operation, effect="hang", times=1) for operation in CHANGING))
        house.deploy()
    consistent(house, traffic, serves=2)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("start_failure", "went back to"),
        ("insufficient_capacity", "capacity"),
        ("alarm", "ALARM"),
    ],
)
def test_a_rollout_that_fails_is_told_as_rolled_back_and_may_be_repeated(
    house: House, kind: str, told: str
) -> None:
    more = {"alarm": "cards-"} if kind == "alarm" else {}
    house.arm({"kind": kind, "endpoint": "cards", **more})
    with house.asked() as traffic:
        with pytest.raises(OvernightError, match=f"ROLLED_BACK.*{told}"):
            house.deploy()
        house.disarm()
    consistent(house, traffic, serves=1)
    assert house.kinds()[-1] == "failure"
    assert house.registry.aliases()["approved"] == 2
    promoted_once(house)


def test_a_new_container_that_crashes_while_it_is_watched_turns_the_rollout_back(
    house: House,
) -> None:
    house.reference = house.watched_for(300)

    def crash() -> None:
        assert wait_for(lambda: house.pending().get("ProductionVariants"))
        house.arm({"kind": "crash", "endpoint": "cards"})

    thread = threading.Thread(target=crash)
    with house.asked() as traffic:
        thread.start()
        with pytest.raises(OvernightError, match=r"ROLLED_BACK.*crashed"):
            house.deploy()
        thread.join()
    consistent(house, traffic, serves=1)


def test_scores_that_are_not_those_of_training_turn_the_rollout_back(house: House) -> None:
    # The client asks one row over and over, which is no sample of what training saw.
    house.reference = house.watched_shifts(600)
    with house.asked() as traffic, pytest.raises(OvernightError, match=r"ROLLED_BACK.*score-shift"):
        house.deploy()
    consistent(house, traffic, serves=1)


def test_a_slow_start_fails_no_request(house: House) -> None:
    house.arm({"kind": "slow_start", "endpoint": "cards", "seconds": 3})
    with house.asked() as traffic:
        house.deploy()
    consistent(house, traffic, serves=2)


def test_an_endpoint_that_cannot_be_asked_is_not_promoted_on_trust(house: House) -> None:
    house.arm(
        {"kind": "api", "service": "sagemaker-runtime", "operation": "InvokeEndpoint",
         "times": None, "code": "InternalFailure", "status": 500}
    )  # fmt: skip
    with pytest.raises(OvernightError):
        house.deploy()
    assert house.chain.champion == 1
    promoted_once(house)


def _tamper(house: House, folder, *, version: str = "2") -> None:
    """Somebody overwrites a version's artefact before it is deployed, and keeps its note."""
    tampered = house.registry.get(version)
    with endpoint_configuration(house.spec, house.registry, tampered, digest=None) as layout:
        import hashlib

        digest = hashlib.sha256(build_archive(layout.main.folder)).hexdigest()
        bucket, _, key = layout.main.url.removeprefix("s3://").partition("/")
    client = boto3.client("s3")
    client.create_bucket(Bucket=bucket)
    body = build_archive(folder)
    client.put_object(Bucket=bucket, Key=key, Body=body, Metadata={"sha256": digest})
    client.close()


@pytest.mark.parametrize("shift", [0.0, 0.1], ids=["another-model", "golden-vectors-disagree"])
def test_an_artefact_that_was_changed_in_the_bucket_never_becomes_champion(
    house: House, tmp_path, shift: float
) -> None:
    made = make_bundle(tmp_path / "other", seed=5, golden_shift=shift)
    _tamper(house, made.folder)
    with pytest.raises(OvernightError, match="ROLLED_BACK"):
        house.deploy()
    with house.asked() as traffic:
        pass
    assert house.chain.champion == 1
    assert house.registry.aliases()["champion"] == 1
    assert set(traffic.digests) <= {house.digest(1)}


def test_a_bundle_that_was_changed_in_the_registry_reaches_no_aws(house: House, template) -> None:
    # A copy of a home names the artefacts of the first.
    (manifest,) = [
        path for path in (template[0] / "mlruns").glob("**/bundle.json")
        if house.digest(2) in path.read_text()
    ]  # fmt: skip
    held = manifest.read_text()
    manifest.write_text(held.replace('"alert', '"alarm', 1))
    house.forget_calls()
    try:
        with pytest.raises(OvernightError, match="changed since"):
            house.deploy()
    finally:
        manifest.write_text(held)
    assert house.mutations() == []
    assert house.chain.champion == 1


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
        steps.settle(house.reference, deployed, outcome)
    assert house.chain.champion == 1


def test_what_was_verified_and_then_changed_is_not_promoted(house: House) -> None:
    deployed = steps.roll_out(house.reference)
    outcome = steps.verify(house.reference, deployed)
    with pytest.raises(OvernightError, match="does not serve the champion"):
        steps.end(house.reference)
    house.reset()  # somebody puts version 1 back by hand
    with pytest.raises(OvernightError, match="which does not serve any more"):
        steps.settle(house.reference, deployed, outcome)
    assert house.chain.champion == 1
    promoted_once(house)


def test_a_rollback_of_a_deployment_that_was_not_settled_goes_back_to_the_champion(
    house: House,
) -> None:
    deployed = steps.roll_out(house.reference)
    outcome = steps.verify(house.reference, deployed)
    with house.asked() as traffic:
        steps.rollback(house.reference, "seen enough")
        with pytest.raises(OvernightError, match="which does not serve any more"):
            steps.settle(house.reference, deployed, outcome)
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


def test_a_first_artefact_that_was_changed_is_not_served(first_house: House, tmp_path) -> None:
    made = make_bundle(tmp_path / "other", seed=5)
    _tamper(first_house, made.folder, version="1")
    with pytest.raises(OvernightError, match=r"ROLLED_BACK.*is not the one that was deployed"):
        first_house.deploy()
    assert first_house.live()["EndpointStatus"] == "Failed"
    assert first_house.chain.champion is None


def test_a_first_model_that_answers_otherwise_than_in_training_is_taken_down(
    first_house: House, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An image that takes any bundle, as it does not know this variable.
    monkeypatch.setattr("infra.sagemaker.control.configuration.DIGEST_VARIABLE", "SAGEMAKER_UNREAD")
    made = make_bundle(tmp_path / "other", seed=5)
    _tamper(first_house, made.folder, version="1")
    with pytest.raises(OvernightError, match=r"ROLLED_BACK.*deleted"):
        first_house.deploy()
    assert wait_for(lambda: not first_house.exists())
    assert first_house.chain.champion is None


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


def test_a_plan_and_a_dry_run_make_no_changing_call(house: House) -> None:
    house.forget_calls()
    text = steps.plan(house.reference)
    assert steps.roll_out(house.reference, "", "yes") == "nothing"
    assert house.mutations() == []
    assert "sagemaker:UpdateEndpoint" in text


def test_the_plan_names_every_action_that_the_deployment_then_takes(house: House) -> None:
    (line,) = [row for row in steps.plan(house.reference).splitlines() if "actions" in row]
    planned = set(line.split(None, 1)[1].split(", "))
    house.forget_calls()
    house.deploy()
    spelled = {"s3:HeadBucket": "s3:ListBucket", "s3:HeadObject": "s3:GetObject"}
    made = {
        spelled.get(name, name)
        for name in (f"{_prefix(s)}:{operation}" for s, operation in house.calls())
    }
    # PassRole is no call: AWS asks for it when a model is given a role.
    assert made == planned - {"iam:PassRole"}


def test_alarms_on_models_that_serve_no_more_are_removed(house: House) -> None:
    older, others = (
        "cards-0123456789ab-score-shift",
        ["cards-tide", "cardsharp-0123456789ab-missing"],
    )
    house.put_alarms(older, *others)
    (line,) = [row for row in steps.plan(house.reference).splitlines() if "alarms " in row]
    assert f"{older} (removed)" in line
    assert "cloudwatch:DeleteAlarms" in steps.plan(house.reference)
    house.deploy()
    held = house.alarms()
    assert older not in held
    assert {*others, "cards-errors", "cards-latency"} <= {*held}


def _prefix(service: str) -> str:
    return {"monitoring": "cloudwatch", "sagemaker-runtime": "sagemaker"}.get(service, service)
