"""Artefacts in S3 that were changed, or made to do harm, never serve."""

import gzip

import pytest

from infra.sagemaker.artifact import build_archive
from tests.infra.emulator.clients import BUCKET, IMAGE, Clients
from tests.infra.files.test_tarball import HOSTILE

pytestmark = pytest.mark.usefixtures("server")


@pytest.fixture
def aws():
    clients = Clients()
    yield clients
    clients.close()


def fails_with(aws, name, content):
    """Put an artefact behind a new endpoint; why that failed."""
    aws.s3.create_bucket(Bucket=BUCKET)
    aws.s3.put_object(Bucket=BUCKET, Key=name, Body=content)
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/{name}"}
    aws.sagemaker.create_model(ModelName=name, PrimaryContainer=container)
    aws.put_config(name, name)
    made = aws.create(name, name)
    assert made["EndpointStatus"] == "Failed"
    aws.sagemaker.delete_endpoint(EndpointName=name)
    return made["FailureReason"]


def test_a_flipped_bit_in_the_archive_is_found_when_it_is_unpacked(aws, bundles):
    content = bytearray(build_archive(bundles["v1"].folder))
    content[len(content) // 2] ^= 1
    assert "Failed to extract model data" in fails_with(aws, "flipped", bytes(content))


def test_a_flipped_bit_under_a_good_checksum_is_found_by_the_container(aws, bundles):
    plain = bytearray(gzip.decompress(build_archive(bundles["v1"].folder)))
    place = plain.index(b"leaf_value=") + len(b"leaf_value=")
    plain[place + 4] ^= 1
    reason = fails_with(aws, "repacked", gzip.compress(bytes(plain)))
    assert "was changed after it was written: model_sha256" in reason


@pytest.mark.parametrize("kind", ["a way out", "a link inside", "no gzip"])
def test_a_hostile_archive_is_no_model(aws, server, kind):
    name = kind.replace(" ", "-")
    assert "Failed to extract model data" in fails_with(aws, name, HOSTILE[kind])
    assert not list(server.home.rglob("planted"))
