import gzip
import hashlib
import io
import os
import tarfile

import pytest
from pydantic import ValidationError

from expectations.contract import InputError
from infra.sagemaker.artifact import build_archive
from infra.sagemaker.control.configuration import (
    Release,
    main_alone,
    plan_configuration,
    with_candidate,
    with_shadow,
)
from infra.sagemaker.names import endpoint_name
from infra.sagemaker.policy import EndpointPolicy

POLICY = EndpointPolicy()


@pytest.fixture
def name(bundles):
    """Names of the configuration of a release under a policy."""

    def of(*, version="7", bundle="v1", policy=POLICY):
        release = Release(version, bundles[bundle].folder)
        return plan_configuration(release, spec="ieee_cis", policy=policy)

    return of


def test_the_model_is_named_by_the_digest_of_its_bundle(name, bundles):
    configuration = name()
    assert configuration.endpoint == "ieee-cis"
    assert configuration.main.model.startswith(f"ieee-cis-{bundles['v1'].digest[:12]}-")
    assert name() == configuration


@pytest.mark.parametrize(
    ("change", "changes_model"),
    [
        ({"bundle": "v2"}, True),
        ({"version": "8"}, True),
        ({"policy": POLICY.model_copy(update={"image": "other:2"})}, True),
        ({"policy": POLICY.model_copy(update={"role_arn": "arn:aws:iam::1:role/x"})}, True),
        ({"policy": POLICY.model_copy(update={"instance_count": 2})}, False),
        ({"policy": POLICY.model_copy(update={"instance_type": "ml.c5.large"})}, False),
        ({"policy": POLICY.model_copy(update={"capture_percent": 0})}, False),
        ({"policy": POLICY.model_copy(update={"kms_key": "alias/data"})}, False),
        ({"policy": POLICY.model_copy(update={"subnets": ("subnet-1",)})}, True),
    ],
)
def test_other_content_has_another_name(name, change, changes_model):
    assert (name(**change).main.model != name().main.model) == changes_model
    assert name(**change).config != name().config


def test_network_and_key_are_asked_for_where_sagemaker_reads_them(name):
    key = "arn:aws:kms:eu-west-1:123456789012:key/0a1b-2c"
    inside = EndpointPolicy(
        subnets=("subnet-1", "subnet-2"), security_groups=("sg-3",), kms_key=key
    )
    configuration = name(policy=inside)
    assert configuration.main.model_request(inside)["VpcConfig"] == {
        "Subnets": ["subnet-1", "subnet-2"],
        "SecurityGroupIds": ["sg-3"],
    }
    config = configuration.config_request()
    assert (config["KmsKeyId"], config["DataCaptureConfig"]["KmsKeyId"]) == (key, key)
    alone = main_alone("ieee-cis", config)
    assert (alone["KmsKeyId"], alone["DataCaptureConfig"]["KmsKeyId"]) == (key, key)
    outside = name()
    assert "VpcConfig" not in outside.main.model_request(POLICY)
    assert "KmsKeyId" not in str(outside.config_request())


def test_how_an_update_is_shifted_changes_no_name(name):
    slower = POLICY.model_copy(update={"bake_seconds": 900, "strategy": "all_at_once"})
    assert name(policy=slower).config == name().config


def test_a_second_variant_and_its_share_are_in_the_name(name, bundles):
    alone, other = name(), Release("8", bundles["v2"].folder)
    found = [
        alone,
        with_shadow(alone, other, share=1.0),
        with_shadow(alone, other, share=0.5),
        with_candidate(alone, other, share=0.5),
    ]
    assert len({configuration.config for configuration in found}) == 4
    (main, candidate) = found[3].config_request()["ProductionVariants"]
    assert (main["InitialVariantWeight"], candidate["InitialVariantWeight"]) == (0.5, 0.5)
    assert found[1].config_request()["ShadowProductionVariants"][0]["InitialVariantWeight"] == 1.0


@pytest.mark.parametrize("spec", ["", "-a", "a-", "a.b", "karte_", "x" * 44])
def test_a_spec_that_cannot_name_an_endpoint_is_refused(spec):
    with pytest.raises(InputError, match="Rename the spec"):
        endpoint_name(spec)


@pytest.mark.parametrize(
    "wrong",
    [
        {"canary_percent": 60},
        {"canary_percent": 4},
        {"bake_seconds": -1},
        {"strategy": "rolling"},
        {"linear_percent": 5},
        {"watch": {"error_rate": 0}},
        {"capture_percent": 101},
        {"alarms": ("a", "b", "c", "d", "e", "f")},
        {"instance_type": "m5.large"},
        {"instance_count": 0},
        {"subnets": ("subnet-1",)},
        {"security_groups": ("sg-1",)},
        {"subnets": ("vpc-1",), "security_groups": ("sg-1",)},
        {"subnets": ("subnet-1",), "security_groups": ("everybody",)},
        {"kms_key": "a key"},
        {"kms_key": "arn:aws:s3:::bucket"},
        {"unknown": 1},
    ],
)
def test_a_policy_that_sagemaker_would_refuse_is_refused_in_the_spec(wrong):
    with pytest.raises(ValidationError):
        EndpointPolicy(**wrong)


def test_equal_files_give_equal_archives_whenever_they_were_written(tmp_path):
    for folder, second, order in [("a", 1_000, "xy"), ("b", 2_000, "yx")]:
        for name in order:
            (tmp_path / folder / "sub").mkdir(parents=True, exist_ok=True)
            file = tmp_path / folder / "sub" / name
            file.write_text(f"content of {name}")
            os.utime(file, (second, second))
    first = build_archive(tmp_path / "a")
    assert first == build_archive(tmp_path / "b")
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:
        assert archive.getnames() == ["sub/x", "sub/y"]


def test_the_digest_that_names_a_model_stays_what_it_was(tmp_path):
    content = {"model.txt": b"tree", "a/x": b"1", "a-b/x": b"2", "bundle.json": b"{}"}
    for name, text in content.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text)
    tar = gzip.decompress(build_archive(tmp_path))  # what zlib makes of it is zlib's
    assert [tar[at : at + 100].rstrip(b"\0").decode() for at in range(0, 4096, 1024)] == [
        "a/x", "a-b/x", "bundle.json", "model.txt",
    ]  # fmt: skip
    assert hashlib.sha256(tar).hexdigest() == (
        "a27d1f1178ce8360946e451c0d649e742576b340fa0d9fe851d5e6bbfaac7ac5"
    )
