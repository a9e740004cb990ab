"""A second build of the same sources on the same packages."""

import dataclasses
import json
import subprocess
import tarfile
from pathlib import Path

from infra.serving.image.archive import read_config

ROOT = Path(__file__).parents[2]


def layers(archive):
    """Each layer's name in the archive, which is the hash of its content."""
    with tarfile.open(archive) as file:
        return json.load(file.extractfile("manifest.json"))[0]["Layers"]


def test_a_second_build_gives_the_same_layers_and_leaves_nothing_else(archive, request):
    again = archive.with_name("overnight-again.tar")
    request.addfinalizer(lambda: again.unlink(missing_ok=True))
    request.addfinalizer(lambda: again.with_suffix(".json").unlink(missing_ok=True))
    subprocess.run([ROOT / "infra/serving/image/build.sh", "overnight-again"], check=True)
    assert again.with_suffix(".json").read_bytes() == archive.with_suffix(".json").read_bytes()
    assert layers(again) == layers(archive)
    # The configuration holds the name that buildah drew for the container of the build.
    first = read_config(archive)
    assert dataclasses.replace(read_config(again), digest=first.digest) == first
    assert list((ROOT / "var/image").iterdir()) == []
