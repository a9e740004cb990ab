"""Deployments as the pipeline runs them, against the embedded SageMaker."""

import contextlib
import hashlib
import threading
import time

import boto3
import pytest

from expectations.contract import InputError, ProblemsError
from infra.sagemaker.artifact import build_archive, publish_artifact
from infra.sagemaker.connection import UnreachableError
from infra.sagemaker.control.configuration import Release, plan_configuration
from infra.sagemaker.control.deployment import roll_out, verify
from infra.sagemaker.control.plan import plan as plan_for
from infra.sagemaker.control.status import describe_endpoint
from infra.sagemaker.policy import EndpointPolicy
from infra.sagemaker.runtime.invocation import ask
from tests.infra.bundles import make_instances
from tests.infra.embedded_server import free_port

pytestmark = pytest.mark.usefixtures("server")

INSTANCES = make_instances(5, seed=11)
POLICY = EndpointPolicy(bake_seconds=20)
AT_ONCE = EndpointPolicy(strategy="all_at_once", bake_seconds=0)


def configuration_of(folder, *, endpoint, policy):
    return plan_configuration(Release("7", folder), spec=endpoint, policy=policy)


def deploy(folder, *, endpoint, policy, before=None):
    """Roll out and verify; `before` is the bundle that served."""
    configuration = configuration_of(folder, endpoint=endpoint, policy=policy)
    roll_out(configuration)
    return verify(configuration, champion_digest=None if before is None else before.digest)


def plan(folder, *, endpoint, policy):
    return plan_for(configuration_of(folder, endpoint=endpoint, policy=policy))


def scores(endpoint):
    return [p.score for p in ask(endpoint, INSTANCES, inference_id="t-1").predictions]


@pytest.fixture
def sagemaker():
    client = boto3.client("sagemaker")
    yield client
    client.close()


def test_a_deployed_bundle_answers_with_its_own_bits(bundles):
    made = bundles["v1"]
    result = deploy(made.folder, endpoint="ieee_cis", policy=POLICY)
    assert (result.outcome, result.reason) == ("PROMOTED", "")
    assert result.endpoint == "ieee-cis"
    reply = ask("ieee_cis", INSTANCES, inference_id="t-1")
    assert (reply.digest, reply.version, reply.variant) == (made.digest, "7", "AllTraffic")
    assert scores("ieee_cis") == made.expected(INSTANCES)


def test_a_model_in_a_network_and_under_a_key_is_deployed_and_told(bundles, sagemaker):
    policy = AT_ONCE.model_copy(
        update={"subnets": ("subnet-1",), "security_groups": ("sg-2",), "kms_key": "alias/data"}
    )
    told = plan(bundles["v1"].folder, endpoint="inside", policy=policy).describe()
    assert "subnet-1, sg-2; encrypted under alias/data" in told
    result = deploy(bundles["v1"].folder, endpoint="inside", policy=policy)
    assert result.outcome == "PROMOTED"
    held = sagemaker.describe_endpoint_config(EndpointConfigName=result.config)
    assert (held["KmsKeyId"], held["DataCaptureConfig"]["KmsKeyId"]) == ("alias/data",) * 2
    model = sagemaker.describe_model(ModelName=held["ProductionVariants"][0]["ModelName"])
    assert model["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-2"]}


def test_deploying_twice_changes_nothing(bundles, sagemaker):
    first = deploy(bundles["v1"].folder, endpoint="twice", policy=POLICY)
    before = sagemaker.describe_endpoint(EndpointName="twice")["LastModifiedTime"]
    assert plan(bundles["v1"].folder, endpoint="twice", policy=POLICY).is_empty
    assert deploy(bundles["v1"].folder, endpoint="twice", policy=POLICY) == first
    assert sagemaker.describe_endpoint(EndpointName="twice")["LastModifiedTime"] == before


def test_a_canary_from_one_version_to_the_next_fails_no_request(bundles):
    deploy(bundles["v1"].folder, endpoint="canary", policy=POLICY)
    seen, failures, over = set(), [], threading.Event()
    old, new = (tuple(bundles[v].expected(INSTANCES)) for v in ("v1", "v2"))

    def ask_on_and_on():
        while not over.is_set():
            try:
                seen.add(tuple(scores("canary")))
            except Exception as error:  # noqa: BLE001 -- any failure at all is what is looked for
                failures.append(error)
            over.wait(0.01)  # so that the deployment has the processor too

    traffic = threading.Thread(target=ask_on_and_on)
    traffic.start()
    result = deploy(bundles["v2"].folder, endpoint="canary", policy=POLICY)
    over.set()
    traffic.join()
    assert (result.outcome, failures) == ("PROMOTED", [])
    assert seen == {old, new}


def test_a_version_that_does_not_start_is_rolled_back_and_the_old_one_serves(bundles):
    before = deploy(bundles["v1"].folder, endpoint="keeps", policy=AT_ONCE)
    result = deploy(
        bundles["broken"].folder, endpoint="keeps", policy=AT_ONCE, before=bundles["v1"]
    )
    assert result.outcome == "ROLLED_BACK"
    assert f"SageMaker went back to {before.config}." in result.reason
    assert "golden vectors score otherwise than in training" in result.reason
    assert scores("keeps") == bundles["v1"].expected(INSTANCES)


def test_an_artefact_that_somebody_replaced_by_another_whole_one_never_serves(bundles):
    wanted, other = bundles["v1"], bundles["v2"]
    # Somebody overwrote the artefact and kept its metadata.
    digest = hashlib.sha256(build_archive(wanted.folder)).hexdigest()
    with contextlib.closing(boto3.client("s3")) as s3:
        s3.create_bucket(Bucket="tampered")
        s3.put_object(
            Bucket="tampered",
            Key=f"replaced/{wanted.digest}/model.tar.gz",
            Body=build_archive(other.folder),
            Metadata={"sha256": digest},
        )
    policy = AT_ONCE.model_copy(update={"bucket": "tampered"})
    result = deploy(wanted.folder, endpoint="replaced", policy=policy)
    assert result.outcome == "ROLLED_BACK"
    assert "is not the one that was deployed" in result.reason
    assert f"has the digest {other.digest[:12]}, and {wanted.digest[:12]} was" in result.reason


def test_an_endpoint_that_answers_with_another_model_has_diverged(bundles, sagemaker):
    wanted, other = bundles["v1"], bundles["v2"]
    configuration = configuration_of(wanted.folder, endpoint="diverges", policy=AT_ONCE)
    # Somebody made the model of this name from another artefact, and told the container nothing.
    url = f"s3://{AT_ONCE.bucket}/diverges/other.tar.gz"
    publish_artifact(other.folder, url, boto3.Session())
    container = {"Image": AT_ONCE.image, "ModelDataUrl": url}
    sagemaker.create_model(ModelName=configuration.main.model, PrimaryContainer=container)
    sagemaker.create_endpoint_config(**configuration.config_request())
    sagemaker.create_endpoint(EndpointName="diverges", EndpointConfigName=configuration.config)
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName="diverges", WaiterConfig={"Delay": 1}
    )
    result = verify(configuration, champion_digest=None)
    assert (result.outcome, result.is_wrong_model) == ("DIVERGED", True)
    assert f"is {other.digest[:12]}, not {wanted.digest[:12]}" in result.reason


def test_going_back_to_an_earlier_version_is_a_deployment_of_it(bundles):
    for version in ("v1", "v2", "v1"):
        assert (
            deploy(bundles[version].folder, endpoint="back", policy=AT_ONCE).outcome == "PROMOTED"
        )
    assert scores("back") == bundles["v1"].expected(INSTANCES)


def test_an_endpoint_that_failed_to_be_created_is_replaced_by_the_next_deployment(bundles):
    failed = deploy(bundles["broken"].folder, endpoint="again", policy=AT_ONCE)
    assert failed.outcome == "ROLLED_BACK"
    assert "serves nothing" in failed.reason
    assert deploy(bundles["v1"].folder, endpoint="again", policy=AT_ONCE).outcome == "PROMOTED"


def test_the_same_bundle_on_other_machines_is_an_update(bundles, sagemaker):
    deploy(bundles["v1"].folder, endpoint="bigger", policy=AT_ONCE)
    bigger = AT_ONCE.model_copy(update={"instance_type": "ml.c5.xlarge", "image": "other:2"})
    result = deploy(bundles["v1"].folder, endpoint="bigger", policy=bigger)
    assert result.outcome == "PROMOTED"
    config = sagemaker.describe_endpoint_config(EndpointConfigName=result.config)
    assert config["ProductionVariants"][0]["InstanceType"] == "ml.c5.xlarge"


def test_a_model_of_the_wanted_name_with_other_content_is_an_error(bundles, sagemaker):
    made = bundles["v2"]
    model = configuration_of(made.folder, endpoint="squatted", policy=AT_ONCE).main.model
    container = {"Image": "somebody:1", "ModelDataUrl": "s3://elsewhere/model.tar.gz"}
    sagemaker.create_model(ModelName=model, PrimaryContainer=container)
    with pytest.raises(Exception, match="exists with other content"):
        deploy(made.folder, endpoint="squatted", policy=AT_ONCE)


def test_a_plan_says_what_would_change_and_changes_nothing(bundles, sagemaker):
    first = plan(bundles["v1"].folder, endpoint="planned", policy=POLICY).describe()
    assert "planned: would be created" in first
    assert not sagemaker.list_endpoints(NameContains="planned")["Endpoints"]
    deploy(bundles["v1"].folder, endpoint="planned", policy=POLICY)
    second = plan(bundles["v2"].folder, endpoint="planned", policy=POLICY).describe()
    before, after = (bundles[v].digest[:12] for v in ("v1", "v2"))
    assert f"version 7 {before} -> version 7 {after}" in second
    assert "canary: 10, 100 % of the traffic, each watched for 20 s" in second
    again = plan(bundles["v1"].folder, endpoint="planned", policy=POLICY).describe()
    assert "no change" in again


def test_a_request_that_the_model_refuses_lists_every_problem(bundles):
    deploy(bundles["v1"].folder, endpoint="refuses", policy=AT_ONCE)
    asked = {**INSTANCES[0], "amount": "much"}
    del asked["channel"]
    with pytest.raises(ProblemsError) as caught:
        ask("refuses", [asked], inference_id="1")
    assert caught.value.problems == (
        "instances[0].amount: expected a number or null, got text",
        "instances[0].channel: missing; send null for an unknown value",
    )


def test_scoring_at_an_endpoint_that_is_not_there_says_to_deploy():
    with pytest.raises(InputError, match=r"no endpoint nowhere.*overnight deploy"):
        ask("nowhere", INSTANCES, inference_id="1")


def test_the_status_of_an_endpoint_is_one_line(bundles):
    result = deploy(bundles["v1"].folder, endpoint="told", policy=AT_ONCE)
    digest = bundles["v1"].digest[:12]
    told = describe_endpoint("told")
    assert told.startswith(
        f"told InService: {result.config}, model {digest}, AllTraffic 1 x, since 2"
    )
    assert describe_endpoint("untold") == "no endpoint untold"


def test_a_server_that_is_not_there_is_named_with_the_remedy(bundles, monkeypatch):
    nowhere = f"http://127.0.0.1:{free_port()}"
    for name in ("", "_SAGEMAKER", "_SAGEMAKER_RUNTIME"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL{name}", nowhere)
    with pytest.raises(UnreachableError, match=rf"{nowhere}.*make up"):
        deploy(bundles["v1"].folder, endpoint="demo", policy=POLICY)
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=rf"{nowhere}.*make up"):
        plan(bundles["v1"].folder, endpoint="demo", policy=POLICY)
    assert time.monotonic() - began < 30  # sagemaker.core by itself goes on for 100 s
    assert describe_endpoint("demo") == f"not reachable at {nowhere}"


def test_a_folder_that_is_no_bundle_is_refused_before_anything_is_asked(tmp_path):
    with pytest.raises(InputError, match=r"is no bundle.*must hold model\.txt and bundle\.json"):
        deploy(tmp_path, endpoint="demo", policy=POLICY)
