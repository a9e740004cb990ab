"""A gzipped tar from somewhere else: read and unpacked within limits, plain files only.

`tarfile` keeps members inside of the target (`filter="data"`), but lets links point to each other,
takes any number of members of any size, and expands headers in memory. A model of ours is a few
plain files, so all else is refused before a byte of it is written.
"""

import io
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MAX_MEMBERS = 1_000
# A bundle of 5,000 trees has about 50 MB; the largest that SageMaker takes unpacks to more.
MAX_BYTES = 4 * 1024**3
CHUNK = 1024**2
GZIP = zlib.MAX_WBITS | 16


class TarballError(Exception):
    """An archive that holds something else than plain files, or too much."""


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
    """One file of an archive; None when it has no such file.

    Raises:
        TarballError: when the archive is not taken, whatever else it holds.
    """
    with _open(content, max_bytes) as archive:
        for member in _checked(archive):
            if member.name == name and (file := archive.extractfile(member)) is not None:
                return file.read()
    return None


def _open(content: bytes, max_bytes: int) -> tarfile.TarFile:
    # Expanded beforehand and with a limit: a header alone may be as large as it likes.
    try:
        return tarfile.open(fileobj=_expand(content, max_bytes), mode="r:")
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise TarballError(f"It is no tar archive: {error}.") from error


def _expand(content: bytes, max_bytes: int) -> io.BytesIO:
    expanded = io.BytesIO()
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
    return expanded


def _checked(archive: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """All members, once each of them is known to be taken."""
    try:
        members = list(_counted(archive))
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise TarballError(f"A member's header cannot be read: {error}.") from error
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
