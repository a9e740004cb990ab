"""Models, endpoint configs, endpoint records and tags, kept in one file across restarts.

The file is replaced at each change, in one rename: a server killed at any moment finds the state
before the change or after it.
"""

import json
import os
import time
from pathlib import Path

from infra.emulator.protocol import Content, invalid

REGION = "us-east-1"
ACCOUNT = "123456789012"

MODEL = "model"
CONFIG = "endpoint-config"
ENDPOINT = "endpoint"


def arn_of(kind: str, name: str) -> str:
    """Return the Amazon resource name of one of our resources."""
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name.lower()}"


class Resources:
    """All resources that were created and not deleted."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kinds: dict[str, dict[str, Content]] = {MODEL: {}, CONFIG: {}, ENDPOINT: {}}
        self._tags: dict[str, dict[str, str]] = {}
        if file.is_file():
            content = json.loads(file.read_text())
            self._kinds |= content["resources"]
            self._tags = content["tags"]

    def add(self, kind: str, name: str, content: Content) -> str:
        """Store a new resource; return its Amazon resource name.

        Raises:
            ServiceError: when there is one of that name.
        """
        arn = arn_of(kind, name)
        if name in self._kinds[kind]:
            raise invalid(f'Cannot create already existing {_spoken(kind)} "{arn}".')
        tags = content.pop("Tags", [])
        self._tags[arn] = {tag["Key"]: tag["Value"] for tag in tags}
        self._kinds[kind][name] = {**content, "CreationTime": time.time()}
        self.save()
        return arn

    def get(self, kind: str, name: str) -> Content:
        """Return a resource by its name.

        Raises:
            ServiceError: when there is none.
        """
        if name not in self._kinds[kind]:
            raise invalid(f'Could not find {_spoken(kind)} "{arn_of(kind, name)}".')
        return self._kinds[kind][name]

    def remove(self, kind: str, name: str) -> None:
        """Remove a resource.

        Raises:
            ServiceError: when there is none of that name.
        """
        self.get(kind, name)
        del self._kinds[kind][name]
        self._tags.pop(arn_of(kind, name), None)
        self.save()

    def names(self, kind: str) -> list[str]:
        """Names of a kind, in the order of creation."""
        return list(self._kinds[kind])

    def tags(self, arn: str) -> list[dict[str, str]]:
        """Tags of a resource, as AWS writes them."""
        return [{"Key": key, "Value": value} for key, value in self._tags.get(arn, {}).items()]

    def add_tags(self, arn: str, tags: list[dict[str, str]]) -> None:
        """Set tags of a resource."""
        self._tags.setdefault(arn, {}).update({tag["Key"]: tag["Value"] for tag in tags})
        self.save()

    def remove_tags(self, arn: str, keys: list[str]) -> None:
        """Remove tags of a resource; those that it does not have are no error."""
        for key in keys:
            self._tags.get(arn, {}).pop(key, None)
        self.save()

    def save(self) -> None:
        """Replace the state file."""
        aside = self._file.with_suffix(".new")
        with aside.open("w") as output:
            json.dump({"resources": self._kinds, "tags": self._tags}, output, indent=1)
            output.flush()
            os.fsync(output.fileno())
        aside.replace(self._file)


def _spoken(kind: str) -> str:
    return kind.replace("-", " ")
