"""Start of an instance: as a process of this installation, or inside a serving image.

`OVERNIGHT_SERVING` chooses: `process` (the default), or `image:NAME` for an image that
`make image TAG=NAME` wrote.
"""

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from expectations.contract import InputError
from infra.emulator.instances import confinement
from infra.emulator.instances.environment import build_environment
from infra.serving.image.archive import ArchiveError, ImageConfig, read_config, unpack

VARIABLE = "OVERNIGHT_SERVING"
IMAGES = Path(__file__).parents[3] / "dist" / "image"


@dataclass(frozen=True, slots=True)
class Launch:
    """The start of a container.

    Attributes:
        environment: all of it.
    """

    command: list[str]
    environment: dict[str, str]


class Runtime(Protocol):
    """Protocol of the ways in which containers start."""

    def launch(self, model: Path, *, descriptor: int, environment: Mapping[str, str]) -> Launch:
        """Build the start of a container that ends with this process.

        Args:
            model: folder of the unpacked artefact.
            descriptor: of the bound socket that it inherits.
            environment: what its model and its platform set for it.
        """


@dataclass(frozen=True, slots=True)
class ProcessRuntime:
    """Containers as processes of this installation's own Python."""

    def launch(self, model: Path, *, descriptor: int, environment: Mapping[str, str]) -> Launch:
        """Build the start of a process; the artefact stays where it is."""
        wrapper = [sys.executable, "-m", "infra.emulator.instances.parent_death", str(os.getpid())]
        serve = [sys.executable, "-m", "infra.serving", "serve", "--fd", str(descriptor)]
        # A container gets the name of its endpoint from its model, never from this server's.
        own = build_environment(environment, os.environ, folder=str(model))
        return Launch([*wrapper, *serve], own)


@dataclass(frozen=True, slots=True)
class ImageRuntime:
    """Containers from an image: its entrypoint in its unpacked tree, the artefact at /opt/ml/model.

    Attributes:
        root: the tree.
        has_network: whether the container shares the network of this machine; a socket that it
            inherits works without.
    """

    root: Path
    config: ImageConfig
    has_network: bool = field(default=False, kw_only=True)

    def launch(self, model: Path, *, descriptor: int, environment: Mapping[str, str]) -> Launch:
        """Build the start of the image with the argument `serve`."""
        # The modes that SageMaker mounts a model with: the image has a user of its own. Nobody else
        # gets there, as the folders above are closed.
        for path in (model, *model.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        arguments = ["serve", "--fd", str(descriptor)]
        return self.enter([*self.config.entrypoint, *arguments], environment, model=model)

    def enter(
        self, command: list[str], environment: Mapping[str, str], *, model: Path | None
    ) -> Launch:
        """Build the start of any command in the image; the container's environment is exact."""
        order = {
            "parent": os.getpid(),
            "root": str(self.root),
            "model": None if model is None else str(model),
            "network": self.has_network,
            "user": self.config.user,
            "group": self.config.group,
            "folder": self.config.folder,
            "command": command,
            "environment": {**self.config.environment, **environment},
        }
        # Until the tree is entered no variable of the model may lead the interpreter or the linker.
        return Launch(
            [sys.executable, "-I", "-S", confinement.__file__],
            {confinement.VARIABLE: json.dumps(order)},
        )


def choose_runtime(environment: Mapping[str, str], *, home: Path, images: Path = IMAGES) -> Runtime:
    """Choose the runtime from `OVERNIGHT_SERVING`.

    Args:
        environment: with `OVERNIGHT_SERVING`, or without.
        home: an image is unpacked here, once.
        images: where `make image` writes.

    Raises:
        InputError: when the variable is neither, or the image is missing or cannot be started.
    """
    chosen = environment.get(VARIABLE, "") or "process"
    if chosen == "process":
        return ProcessRuntime()
    named = re.fullmatch(r"image:([a-z0-9][a-z0-9._-]*(:[A-Za-z0-9_.-]+)?)", chosen)
    if named is None:
        raise InputError(
            f"{VARIABLE} is {chosen!r}. Give process, or image:NAME with the TAG of make image."
        )
    archive = images / f"{named[1]}.tar"
    if not archive.is_file():
        raise InputError(
            f'{VARIABLE} is {chosen!r}, and there is no {archive}. Run "make image TAG={named[1]}".'
        )
    if sys.platform != "linux" or os.geteuid() != 0:
        raise InputError(
            f"{VARIABLE} is {chosen!r}, and only root on Linux can start an image here. "
            f"Start as root, or set {VARIABLE}=process."
        )
    try:
        return load_image(archive, home=home)
    except ArchiveError as error:
        raise InputError(str(error)) from error


def load_image(archive: Path, *, home: Path, has_network: bool = False) -> ImageRuntime:
    """Unpack an image unless it is there already.

    Raises:
        ArchiveError: when the file holds no image that can be started.
    """
    config = read_config(archive)
    if config.user == 0 or not config.entrypoint:
        raise ArchiveError(
            f"{archive.name} runs as root or has no entrypoint; it is not a serving image."
        )
    root = home / config.digest
    if not root.is_dir():
        unpack(archive, root)
    # Where a container's view is mounted.
    for folder in (confinement.MODEL, "dev", "tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    return ImageRuntime(root.absolute(), config, has_network=has_network)
