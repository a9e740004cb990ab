"""Model artefacts, fetched from S3 once and unpacked under the digest of their bytes.

They stay on disk, because moto's buckets are empty after a restart.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from infra.emulator.aws import Aws
from infra.files import TarballError, unpack


class ArtifactError(Exception):
    """An artefact that cannot be fetched or unpacked; the message becomes the FailureReason."""


class Artifacts:
    """The folder of unpacked artefacts.

    Attributes:
        home: one folder per artefact, named by its digest.
    """

    def __init__(self, home: Path, aws: Aws) -> None:
        self.home = home
        self._aws = aws
        home.mkdir(parents=True, exist_ok=True)

    def fetch(self, url: str) -> str:
        """Fetch and unpack an artefact; returns the digest under which `folder` has it.

        Raises:
            ArtifactError: when S3 does not have it, or it is not a gzipped tar of plain files.
        """
        address = urlsplit(url)
        try:
            content = self._aws.read_object(address.netloc, address.path.lstrip("/"))
        except (ClientError, BotoCoreError) as error:
            raise ArtifactError(f"Failed to download model data from {url}: {error}") from error
        digest = hashlib.sha256(content).hexdigest()
        if not self.has(digest):
            self._unpack(content, url=url, target=self.folder(digest))
        return digest

    def folder(self, digest: str) -> Path:
        """Return the folder into which an artefact is unpacked."""
        return self.home / digest

    def has(self, digest: str) -> bool:
        """Return True if an artefact is completely unpacked."""
        return self.folder(digest).is_dir()

    def _unpack(self, content: bytes, *, url: str, target: Path) -> None:
        aside = Path(tempfile.mkdtemp(dir=self.home, prefix="unpacking-"))
        try:
            unpack(content, aside)
            aside.rename(target)
        except (TarballError, OSError) as error:
            shutil.rmtree(aside, ignore_errors=True)
            raise ArtifactError(f"Failed to extract model data from {url}: {error}") from error
