"""The image that `make image` wrote, named by OVERNIGHT_SERVING; see `make test-image`."""

import json
import os
import tarfile
from pathlib import Path

import pytest

from infra.emulator.instances.runtime import IMAGES, VARIABLE, load_image
from tests.infra.conftest import bundles  # noqa: F401 -- a fixture
from tests.infra.serving.container import runtime


@pytest.fixture(scope="session")
def archive():
    """The saved image."""
    if not os.environ.get(VARIABLE, "").startswith("image:"):
        pytest.fail(f'{VARIABLE} names no image. Run "make test-image".', pytrace=False)
    return IMAGES / f"{os.environ[VARIABLE].removeprefix('image:')}.tar"


@pytest.fixture(scope="session")
def image(archive):  # noqa: ARG001
    """The runtime of the image; its tree is `image.root`."""
    return runtime()


@pytest.fixture(scope="session")
def image_with_network(image, archive):
    """The same tree, on the network of this machine."""
    return load_image(archive, home=image.root.parent, has_network=True)


@pytest.fixture(scope="session")
def members(archive):
    """Every file of every layer by its path, as the archive has it."""
    found = {}
    with tarfile.open(archive) as file:
        manifest = json.load(file.extractfile("manifest.json"))[0]
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=file.extractfile(layer)) as opened:
                found |= {Path("/", member.name).as_posix(): member for member in opened}
    return found


@pytest.fixture(scope="session")
def bill(archive):
    """The bill of materials that lies beside the image."""
    return json.loads(archive.with_suffix(".json").read_text())
