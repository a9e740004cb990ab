"""Gzipped tars: packed reproducibly; those of other programs are unpacked within limits.

`tarfile` keeps members inside of the target (`filter="data"`), but lets links point to each other,
takes any number of members of any size, and expands headers in memory. A model of ours is a few
plain files, so all else is refused before a byte of it is written.
"""

import contextlib
import gzip
import io
import tarfile
import tempfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

MAX_MEMBERS = 1_000
# A bundle of 5,000 trees has about 50 MB; a tar's header may take all of this in memory.
MAX_BYTES = 512 * 1024**2
IN_MEMORY_BYTES = 64 * 1024**2
CHUNK = 1024**2
GZIP = zlib.MAX_WBITS | 16


class TarballError(Exception):
    """An archive that holds something else than plain files, or too much."""


def pack(files: Mapping[str, bytes], *, programs: Collection[str] = ()) -> bytes:
    """Pack files; equal files give equal bytes, in any order.

    Args:
        files: by the path in the archive.
        programs: paths of those that may be run.
    """
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files, key=PurePosixPath):
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            entry.mode = 0o755 if name in programs else 0o644
            archive.addfile(entry, io.BytesIO(files[name]))
    return gzip.compress(plain.getvalue(), mtime=0)


def unpack(content: bytes, target: Path, *, max_bytes: int = MAX_BYTES) -> None:
    """Write the files of an archive into an empty folder.

    Args:
        content: the archive.
        target: where its files are written.
        max_bytes: of all files and headers together.

    Raises:
        TarballError: naming the first member that is not taken; what was written stays.
    """
    with _open(content, max_bytes) as archive:
        members = _checked(archive)
        for member in members:
            archive.extract(member, target, filter="data", set_attrs=False)


def read_member(content: bytes, name: str, *, max_bytes: int = MAX_BYTES) -> bytes | None:
    """Read one file of an archive; None when it has no such file.

    Raises:
        TarballError: when the archive is not taken, whatever else it holds, or the file is larger
            than 64 MiB.
    """
    with _open(content, max_bytes) as archive:
        for member in _checked(archive):
            if member.name == name and (file := archive.extractfile(member)) is not None:
                if member.size > IN_MEMORY_BYTES:
                    raise TarballError(f"{name!r} has more than {IN_MEMORY_BYTES:,} bytes.")
                return file.read()
    return None


@contextlib.contextmanager
def _open(content: bytes, max_bytes: int) -> Iterator[tarfile.TarFile]:
    # Expanded beforehand, with a limit and past some size on disk.
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as expanded:
        _expand(content, expanded, max_bytes=max_bytes)
        try:
            archive = tarfile.open(fileobj=expanded, mode="r:")  # noqa: SIM115 -- closed below
        except (tarfile.TarError, ValueError, OverflowError) as error:
            raise TarballError(f"It is no tar archive: {error}.") from error
        with archive:
            yield archive


def _expand(content: bytes, expanded: IO[bytes], *, max_bytes: int) -> None:
    reader, rest = zlib.decompressobj(GZIP), content
    try:
        while not reader.eof:
            part = reader.decompress(rest, CHUNK)
            rest = reader.unconsumed_tail
            expanded.write(part)
            if expanded.tell() > max_bytes:
                raise TarballError(f"It unpacks to more than {max_bytes:,} bytes.")
            if not part and not rest and not reader.eof:
                raise TarballError("It ends before its end.")
    except zlib.error as error:
        raise TarballError(f"It is not gzipped: {error}.") from error
    if reader.unused_data:
        raise TarballError("Something follows after its end.")
    expanded.seek(0)


def _checked(archive: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """Return all members after checking each of them."""
    try:
        members = list(_counted(archive))
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise TarballError(f"A member's header cannot be read: {error}.") from error
    if not members:
        raise TarballError("It holds no file.")
    seen = set()
    for member in members:
        path = PurePosixPath(member.name)
        if not (member.isreg() or member.isdir()) or member.issparse():
            raise TarballError(f"{member.name!r} is neither a plain file nor a folder.")
        if path.is_absolute() or ".." in path.parts or "\\" in member.name:
            raise TarballError(f"{member.name!r} lies outside of the archive.")
        if path in seen and member.isreg():
            raise TarballError(f"{member.name!r} is in it twice.")
        seen.add(path)
    return members


def _counted(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for number, member in enumerate(archive, start=1):
        if number > MAX_MEMBERS:
            raise TarballError(f"It has more than {MAX_MEMBERS:,} members.")
        yield member
