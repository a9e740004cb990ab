"""`model.tar.gz`: a bundle's files in the form in which SageMaker wants them.

Equal files give equal bytes, under an S3 key that holds the bundle's digest: an upload that was
done is not done again.
"""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.contract import InputError
from infra.files import TarballError, pack, read_member
from infra.sagemaker.connection import translated_errors
from infra.serving.model import MANIFEST_FILE

if TYPE_CHECKING:
    import boto3

log = logging.getLogger(__name__)

FILE = "model.tar.gz"
SHA_KEY = "sha256"


@dataclass(frozen=True, slots=True)
class Location:
    """Location of an artefact in S3."""

    bucket: str
    key: str

    @property
    def url(self) -> str:
        """The `s3://` address."""
        return f"s3://{self.bucket}/{self.key}"


def parse_location(url: str) -> Location:
    """Read an `s3://` address.

    >>> parse_location("s3://models/demo/a1b2/model.tar.gz").key
    'demo/a1b2/model.tar.gz'
    """
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return Location(bucket, key)


def locate(digest: str, *, endpoint: str, bucket: str) -> Location:
    """Return the location of a bundle's artefact.

    >>> locate("a1b2", endpoint="demo", bucket="overnight-models").url
    's3://overnight-models/demo/a1b2/model.tar.gz'
    """
    return Location(bucket, f"{endpoint}/{digest}/{FILE}")


def digest_in(url: str) -> str:
    """Return the bundle's digest in an artefact's address.

    >>> digest_in("s3://overnight-models/demo/a1b2/model.tar.gz")
    'a1b2'
    """
    return url.rsplit("/", 2)[-2]


def build_archive(folder: Path) -> bytes:
    """Pack the files of a folder; equal files give equal bytes."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return pack({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})


def publish_artifact(folder: Path, url: str, session: "boto3.Session") -> None:
    """Upload a bundle's artefact, unless it is there already.

    Raises:
        InputError: when the bucket can be neither used nor made.
    """
    location = parse_location(url)
    content = build_archive(folder)
    digest = hashlib.sha256(content).hexdigest()
    s3 = session.client("s3")
    with translated_errors(f"The upload to {location.url}"):
        _ensure_bucket(s3, location.bucket, session.region_name)
        if _is_there(s3, location, digest):
            return
        s3.put_object(
            Bucket=location.bucket, Key=location.key, Body=content, Metadata={SHA_KEY: digest}
        )
    log.info("Uploaded %s: %s bytes", location.url, f"{len(content):,}")


def read_manifest(url: str, session: "boto3.Session") -> bytes | None:
    """Return the manifest in a published artefact; None without artefact or manifest."""
    from botocore.exceptions import ClientError

    location = parse_location(url)
    with translated_errors(f"Reading {url}"):
        try:
            found = session.client("s3").get_object(Bucket=location.bucket, Key=location.key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchBucket"):
                return None
            raise
        content = found["Body"].read()
    try:
        return read_member(content, MANIFEST_FILE)
    except TarballError:
        return None


def _ensure_bucket(s3, bucket: str, region: str | None) -> None:  # type: ignore[no-untyped-def]
    from botocore.exceptions import ClientError

    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
            raise InputError(
                f"The bucket {bucket} cannot be used: {error}. Set [endpoint] bucket to one of "
                "this account; bucket names are taken world-wide."
            ) from error
    else:
        return
    # S3 takes no constraint for its oldest region, and needs one for all others.
    place = {} if region in (None, "us-east-1") else {"LocationConstraint": region}
    try:
        s3.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": place} if place else {}))
    except ClientError as error:
        # Somebody was faster, or the answer to an attempt of ours was lost.
        if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise


def _is_there(s3, location: Location, digest: str) -> bool:  # type: ignore[no-untyped-def]
    from botocore.exceptions import ClientError

    try:
        head = s3.head_object(Bucket=location.bucket, Key=location.key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return False
        raise
    return bool(head["Metadata"].get(SHA_KEY) == digest)
