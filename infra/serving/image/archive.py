"""A container image as one file, as `docker save` and `buildah push docker-archive:` write it.

Reading it needs no container engine. Layers are laid over each other as the format says: a file
`.wh.NAME` in a later layer removes NAME, `.wh..wh..opq` all that its folder had.
"""

import json
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

REMOVED, EMPTIED = ".wh.", ".wh..wh..opq"


class ArchiveError(Exception):
    """The file is no image, or not one that can be started."""


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The configuration of an image.

    Attributes:
        digest: SHA-256 of this configuration, which names every layer by its digest.
        entrypoint, command: the program, and its arguments when none are given.
        environment: variables that the program gets.
        user, group: numbers that the program runs as.
        folder: where it starts.
        health: the command that checks its health; empty when there is none.
    """

    digest: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: dict[str, str]
    user: int
    group: int
    folder: str
    labels: dict[str, str]
    health: tuple[str, ...]


def read_config(archive: Path) -> ImageConfig:
    """Read what the image in an archive says of itself.

    Raises:
        ArchiveError: when the file holds no image, or one whose user is no number.
    """
    with _opened(archive) as (file, manifest):
        name = str(manifest["Config"])
        said = json.loads(_read(file, name))
    config = said["config"]
    user, _, group = str(config.get("User", "")).partition(":")
    if not user.isdecimal() or (group and not group.isdecimal()):
        raise ArchiveError(
            f"{archive.name} runs as {config.get('User') or 'root'!r}; give its user by number, "
            "as in USER 10001:10001."
        )
    return ImageConfig(
        digest=PurePosixPath(name).name.removesuffix(".json"),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        environment=dict(each.split("=", 1) for each in config.get("Env") or ()),
        user=int(user),
        group=int(group or user),
        folder=config.get("WorkingDir") or "/",
        labels=config.get("Labels") or {},
        health=tuple((config.get("Healthcheck") or {}).get("Test", ())[1:]),
    )


def unpack(archive: Path, target: Path) -> None:
    """Write the tree of an image; `target` appears whole or not at all.

    Raises:
        ArchiveError: when the file holds no image.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=target.parent, prefix="unpacking-"))
    try:
        with _opened(archive) as (file, manifest):
            for layer in manifest["Layers"]:
                with tarfile.open(fileobj=file.extractfile(layer), mode="r:*") as members:
                    _lay_over(aside, members)
        aside.chmod(0o755)
        aside.rename(target)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _lay_over(target: Path, members: tarfile.TarFile) -> None:
    for member in members:
        path = PurePosixPath(member.name)
        if path.name == EMPTIED:
            for old in _folder_inside(target, path).iterdir():
                _remove(old)
        elif path.name.startswith(REMOVED):
            _remove(_folder_inside(target, path) / path.name.removeprefix(REMOVED))
        else:
            # The filter keeps every member inside of the target.
            members.extract(member, target, filter="tar")


def _folder_inside(target: Path, removal: PurePosixPath) -> Path:
    """Return the folder of a whiteout; links must not lead out of the tree."""
    folder = (target / removal.parent).resolve()
    named = removal.name.removeprefix(REMOVED)
    if not folder.is_relative_to(target.resolve()) or named in {"", ".", ".."}:
        raise ValueError(f"{str(removal)!r} removes what is outside of the image")
    return folder


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _opened(archive: Path) -> Iterator[tuple[tarfile.TarFile, dict[str, Any]]]:
    try:
        with tarfile.open(archive, "r:") as file:
            yield file, json.loads(_read(file, "manifest.json"))[0]
    except (OSError, tarfile.TarError, KeyError, IndexError, TypeError, ValueError) as error:
        raise ArchiveError(
            f'{archive} is no image that was saved: {error}. Make it again with "make image".'
        ) from error


def _read(file: tarfile.TarFile, name: str) -> bytes:
    member = file.extractfile(name)
    if member is None:
        raise KeyError(name)
    return member.read()


def read_file(archive: Path, path: str) -> bytes:
    """Read one file of an image, as its uppermost layer has it.

    Raises:
        ArchiveError: when no layer has it.
    """
    with _opened(archive) as (file, manifest):
        for layer in reversed(manifest["Layers"]):
            with tarfile.open(fileobj=file.extractfile(layer), mode="r:*") as members:
                for member in members:
                    if member.name.removeprefix("./") == path:
                        return _read(members, member.name)
    raise ArchiveError(f"{archive} has no file {path}.")


if __name__ == "__main__":
    sys.stdout.buffer.write(read_file(Path(sys.argv[1]), sys.argv[2]))
