"""How instances are started: what may be chosen, and how a saved image is read."""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from expectations.contract import InputError
from infra.emulator.instances.runtime import ProcessRuntime, choose_runtime
from infra.serving.image.archive import ArchiveError, read_config, read_file, unpack
from tests.infra.embedded_server import free_port

DIGEST = "ab" * 32


def save_image(path, *layers, **config):
    """An image as docker save writes it; of a layer, None is a folder, a Path a link."""
    said = {"User": "10001:10001", "Entrypoint": ["python"], "Env": ["A=b=c"], **config}
    files = {
        f"{DIGEST}.json": json.dumps({"config": said}).encode(),
        **{f"{number}/layer.tar": pack(layer) for number, layer in enumerate(layers)},
    }
    described = {"Config": f"{DIGEST}.json", "Layers": [name for name in files if "layer" in name]}
    path.write_bytes(pack({**files, "manifest.json": json.dumps([described]).encode()}))
    return path


def pack(files):
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, Path):
                entry.type, entry.linkname = tarfile.SYMTYPE, str(content)
                archive.addfile(entry)
            elif content is None:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return plain.getvalue()


def test_without_a_choice_containers_are_processes(tmp_path):
    for chosen in ({}, {"OVERNIGHT_SERVING": ""}, {"OVERNIGHT_SERVING": "process"}):
        assert isinstance(choose_runtime(chosen, home=tmp_path), ProcessRuntime)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("docker", "Give process, or image:NAME"),
        ("image:", "Give process, or image:NAME"),
        ("image:../secret", "Give process, or image:NAME"),
        ("image:absent", 'Run "make image TAG=absent"'),
        ("image:broken", "is no image that was saved"),
        ("image:of-root", "runs as root"),
        ("image:named", "give its user by number"),
        ("image:bare", "has no entrypoint"),
    ],
)
def test_what_cannot_be_started_is_refused_with_what_to_do(tmp_path, chosen, said):
    (tmp_path / "broken.tar").write_bytes(b"x" * 2_000)
    save_image(tmp_path / "of-root.tar", {}, User="0")
    save_image(tmp_path / "named.tar", {}, User="somebody")
    save_image(tmp_path / "bare.tar", {}, Entrypoint=None)
    if (
        os.geteuid() != 0
        and chosen.startswith("image:")
        and (tmp_path / f"{chosen[6:]}.tar").exists()
    ):
        said = "only root"
    with pytest.raises(InputError) as caught:
        choose_runtime({"OVERNIGHT_SERVING": chosen}, home=tmp_path, images=tmp_path)
    assert said in str(caught.value)


def test_a_server_that_cannot_start_containers_so_does_not_start_and_says_why(tmp_path):
    command = [sys.executable, "-m", "infra.emulator", "--home", str(tmp_path)]
    for name in ("--port", "--aws-port"):
        command += [name, str(free_port())]
    chosen = os.environ | {"OVERNIGHT_SERVING": "image:absent"}
    done = subprocess.run(command, env=chosen, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert 'Run "make image TAG=absent"' in done.stderr


def test_later_layers_replace_and_remove_what_earlier_ones_hold(tmp_path):
    archive = save_image(
        tmp_path / "image.tar",
        {
            "etc": None,
            "etc/a": b"1",
            "etc/b": b"1",
            "var": None,
            "var/x": b"1",
            "opt": None,
            "opt/y": b"1",
        },
        {"etc/a": b"2", "etc/.wh.b": b"", "var/.wh..wh..opq": b"", "var/z": b"2", ".wh.opt": b""},
    )
    unpack(archive, tmp_path / "tree")
    found = {
        str(path.relative_to(tmp_path / "tree")): path.read_bytes()
        for path in (tmp_path / "tree").rglob("*")
        if path.is_file()
    }
    assert found == {"etc/a": b"2", "var/z": b"2"}
    assert not (tmp_path / "tree/opt").exists()
    assert read_file(archive, "etc/a") == b"2"
    assert read_config(archive).environment == {"A": "b=c"}
    with pytest.raises(ArchiveError, match="has no file nothing"):
        read_file(archive, "nothing")


@pytest.mark.parametrize(
    "name",
    [
        "../outside", "etc/../../outside", "../.wh.outside", "etc/../../.wh.outside",
        "../.wh..wh..opq", "etc/.wh...", "etc/.wh..", "etc/.wh.", "link/outside",
        "link/.wh.outside", "link/.wh..wh..opq",
    ],
)  # fmt: skip
def test_no_layer_reaches_out_of_the_tree_and_no_half_of_one_stays(tmp_path, name):
    archive = save_image(tmp_path / "image.tar", {"etc/a": b"1", "link": tmp_path}, {name: b"2"})
    (tmp_path / "outside").write_bytes(b"kept")
    with pytest.raises(ArchiveError):
        unpack(archive, tmp_path / "trees" / "tree")
    assert (tmp_path / "outside").read_bytes() == b"kept"
    assert list((tmp_path / "trees").iterdir()) == []
