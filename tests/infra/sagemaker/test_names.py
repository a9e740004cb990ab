import io
import os
import tarfile

import pytest
from pydantic import ValidationError

from expectations.contract import InputError
from infra.sagemaker.artifact import build_archive
from infra.sagemaker.names import endpoint_name, name_deployment
from infra.sagemaker.policy import EndpointPolicy

POLICY = EndpointPolicy()


def names(**changes):
    given = {"digest": "a" * 64, "url": "s3://b/k", "policy": POLICY} | changes
    return name_deployment("ieee_cis", **given)


def test_the_model_is_named_by_the_digest_of_its_bundle():
    assert names().endpoint == "ieee-cis"
    assert names().model.startswith("ieee-cis-aaaaaaaaaaaa-")


@pytest.mark.parametrize(
    ("change", "changes_model"),
    [
        ({"digest": "b" * 64}, True),
        ({"policy": POLICY.model_copy(update={"image": "other:2"})}, True),
        ({"policy": POLICY.model_copy(update={"role_arn": "arn:aws:iam::1:role/x"})}, True),
        ({"policy": POLICY.model_copy(update={"instance_count": 2})}, False),
        ({"policy": POLICY.model_copy(update={"instance_type": "ml.c5.large"})}, False),
    ],
)
def test_other_content_has_another_name(change, changes_model):
    assert (names(**change).model != names().model) == changes_model
    assert names(**change).config != names().config


def test_how_an_update_is_shifted_changes_no_name():
    slower = POLICY.model_copy(update={"bake_seconds": 900, "strategy": "all_at_once"})
    assert names(policy=slower) == names()


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
        {"strategy": "linear"},
        {"instance_type": "m5.large"},
        {"instance_count": 0},
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
