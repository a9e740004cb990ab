"""Archives that somebody made to do harm, and broken ones."""

import gzip
import io
import os
import tarfile
import tracemalloc

import pytest

from infra.files.tarball import MAX_MEMBERS, TarballError, read_member, unpack
from infra.sagemaker.artifact import build_archive


def entry(name, **fields):
    member = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(member, key, value)
    return member


def pack(*members, form=tarfile.PAX_FORMAT):
    """A gzipped tar of (member, content)."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=form) as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(plain.getvalue())


GOOD = (entry("bundle.json"), b"{}")
LINK = {"type": tarfile.SYMTYPE}
HOSTILE = {
    "an absolute path": pack(GOOD, (entry("/etc/planted"), b"x")),
    "a way out": pack(GOOD, (entry("../planted"), b"x")),
    "a way out from inside": pack(GOOD, (entry("a/../../planted"), b"x")),
    "a backslash": pack(GOOD, (entry("..\\planted"), b"x")),
    "a link to a file outside": pack((entry("model.txt", linkname="/etc/passwd", **LINK), b"")),
    "a link to a folder and a file in it": pack(
        (entry("out", linkname="..", **LINK), b""), (entry("out/planted"), b"x")
    ),
    "a link inside": pack(GOOD, (entry("model.txt", linkname="bundle.json", **LINK), b"")),
    "a hard link": pack((entry("model.txt", type=tarfile.LNKTYPE, linkname="../planted"), b"")),
    "a device": pack((entry("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3), b"")),
    "a pipe": pack((entry("pipe", type=tarfile.FIFOTYPE), b"")),
    "one file twice": pack(GOOD, (entry("./bundle.json"), b"{1}")),
    "too many members": pack(*[(entry(f"f{n}"), b"") for n in range(MAX_MEMBERS + 1)]),
    "no gzip": b"PK\x03\x04 is a zip's beginning",
    "no tar": gzip.compress(b"x" * 2000),
    "half of one": pack(GOOD, (entry("model.txt"), os.urandom(5000)))[:2000],
    "something behind it": pack(GOOD) + b"#!/bin/sh\n",
    "nothing": b"",
    "no member": pack(),
}


def everything(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_is_refused_before_anything_is_written(tmp_path, content):
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(TarballError):
        unpack(content, target)
    assert everything(tmp_path) == ["target"]
    with pytest.raises(TarballError):
        read_member(content, "bundle.json")


@pytest.mark.parametrize(
    "member",
    [
        (entry("zeros"), bytes(50_000_000)),
        # Read into memory by tarfile before the member itself is known.
        (entry("small", pax_headers={"comment": "0" * 50_000_000}), b""),
        (entry("n" * 50_000_000), b""),
    ],
    ids=["a large file", "a large header", "a long name"],
)
def test_a_small_archive_that_becomes_large_is_refused(tmp_path, member):
    content = pack(GOOD, member)
    assert len(content) < 200_000
    with pytest.raises(TarballError, match="unpacks to more than 1,000,000 bytes"):
        unpack(content, tmp_path, max_bytes=1_000_000)
    assert everything(tmp_path) == []


def test_what_becomes_large_within_the_limit_does_not_do_so_in_memory(tmp_path):
    content = pack((entry("bundle.json"), bytes(200_000_000)))
    tracemalloc.start()
    try:
        unpack(content, tmp_path)
        with pytest.raises(TarballError, match=r"'bundle\.json' has more than 67,108,864 bytes"):
            read_member(content, "bundle.json")
        assert tracemalloc.get_traced_memory()[1] < 150_000_000
    finally:
        tracemalloc.stop()
    assert (tmp_path / "bundle.json").stat().st_size == 200_000_000


def test_a_sparse_file_that_claims_to_be_large_is_refused(tmp_path):
    claims = {"GNU.sparse.size": str(10**15), "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,1"}
    with pytest.raises(TarballError, match="neither a plain file"):
        unpack(pack((entry("huge", pax_headers=claims), b"x")), tmp_path)


def test_what_this_house_packs_is_unpacked_as_it_was_without_rights_to_run(tmp_path):
    folder, target = tmp_path / "bundle", tmp_path / "target"
    (folder / "inner").mkdir(parents=True)
    target.mkdir()
    (folder / "bundle.json").write_bytes(b"{}")
    (folder / "inner" / "model.txt").write_bytes(bytes(range(256)) * 5000)
    content = build_archive(folder)
    unpack(content, target)
    assert everything(target) == everything(folder)
    assert (target / "inner" / "model.txt").read_bytes() == bytes(range(256)) * 5000
    assert read_member(content, "bundle.json") == b"{}"
    assert read_member(content, "absent") is None
    tool = pack((entry("tool", mode=0o4777), b"#!/bin/sh\n"))
    unpack(tool, target)
    assert not (target / "tool").stat().st_mode & 0o6111
