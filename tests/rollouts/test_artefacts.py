"""Artefacts that were changed, in the bucket or in the registry."""

import boto3
import pytest

from expectations.contract import OvernightError
from infra.sagemaker.artifact import build_archive
from pipelines.deployment.releases import endpoint_configuration
from tests.infra.bundles import make_bundle
from tests.infra.embedded_server import wait_for
from tests.pipelines.nights import QUIET
from tests.rollouts.rig import Rig

pytestmark = QUIET


def _tamper(rig: Rig, folder, *, version: str = "2") -> None:
    """Somebody overwrites a version's artefact before it is deployed, and keeps its note."""
    tampered = rig.registry.get(version)
    with endpoint_configuration(rig.spec, rig.registry, tampered, digest=None) as layout:
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
    rig: Rig, tmp_path, shift: float
) -> None:
    made = make_bundle(tmp_path / "other", seed=5, golden_shift=shift)
    _tamper(rig, made.folder)
    with pytest.raises(OvernightError, match="ROLLED_BACK"):
        rig.deploy()
    with rig.asked() as traffic:
        pass
    assert rig.chain.champion == 1
    assert rig.registry.aliases()["champion"] == 1
    assert set(traffic.digests) <= {rig.digest(1)}


def test_a_bundle_that_was_changed_in_the_registry_reaches_no_aws(rig: Rig, template) -> None:
    # A copy of a home names the artefacts of the first.
    (manifest,) = [
        path for path in (template[0] / "mlruns").glob("**/bundle.json")
        if rig.digest(2) in path.read_text()
    ]  # fmt: skip
    held = manifest.read_text()
    manifest.write_text(held.replace('"alert', '"alarm', 1))
    rig.forget_calls()
    try:
        with pytest.raises(OvernightError, match="changed since"):
            rig.deploy()
    finally:
        manifest.write_text(held)
    assert rig.mutations() == []
    assert rig.chain.champion == 1


def test_a_first_artefact_that_was_changed_is_not_served(first_house: Rig, tmp_path) -> None:
    made = make_bundle(tmp_path / "other", seed=5)
    _tamper(first_house, made.folder, version="1")
    with pytest.raises(OvernightError, match=r"ROLLED_BACK.*is not the one that was deployed"):
        first_house.deploy()
    assert first_house.live()["EndpointStatus"] == "Failed"
    assert first_house.chain.champion is None


def test_a_first_model_that_answers_otherwise_than_in_training_is_taken_down(
    first_house: Rig, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An image that takes any bundle, as it does not know this variable.
    monkeypatch.setattr("infra.sagemaker.control.configuration.DIGEST_VARIABLE", "SAGEMAKER_UNREAD")
    made = make_bundle(tmp_path / "other", seed=5)
    _tamper(first_house, made.folder, version="1")
    with pytest.raises(OvernightError, match=r"ROLLED_BACK.*deleted"):
        first_house.deploy()
    assert wait_for(lambda: not first_house.exists())
    assert first_house.chain.champion is None
