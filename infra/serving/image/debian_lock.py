"""The pinned Debian packages of the base, and their comparison with those of a mirror.

Debian's mirrors keep only the newest version of a package, so a pinned one cannot be asked for.
The lock is what was looked at; newer versions are named, all other differences are refused.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.serving.image.dpkg import DebianPackage, read_status

REFUSED = 2
HEADER = """\
# The Debian packages of the serving image's base, as they were last looked at.
# Written by "make pin"; infra/decisions/0013 says what becomes of a difference.
"""


class LockError(Exception):
    """A lock that cannot be read; names every line that is at fault."""


@dataclass(frozen=True, slots=True)
class BaseLock:
    """The packages that were looked at.

    Attributes:
        suite: Debian's name of the release.
        architecture: as Debian names it.
        epoch: the time that every file of the image gets, in seconds since 1970.
        versions: by package.
    """

    suite: str
    architecture: str
    epoch: int
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """Packages that a mirror gave in place of the pinned ones.

    Attributes:
        newer: packages that the mirror has in a later version, one a line.
        refused: every other difference, one a line.
    """

    newer: list[str]
    refused: list[str]


def read_lock(path: Path) -> BaseLock:
    """Read a lock.

    Raises:
        LockError: naming every line that is neither a setting nor a package with its version.
    """
    settings, versions, problems = dict[str, str](), dict[str, str](), []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        if setting := re.fullmatch(r"(suite|architecture|epoch)=([a-z0-9]+)", line):
            settings[setting[1]] = setting[2]
        elif package := re.fullmatch(r"([a-z0-9][a-z0-9.+-]+) ([0-9][A-Za-z0-9.+:~-]*)", line):
            versions[package[1]] = package[2]
        else:
            problems.append(f"line {number}: {line!r} is no package with its version")
    missing = {"suite", "architecture", "epoch"} - settings.keys()
    problems += [f"there is no line {name}=…" for name in sorted(missing)]
    if not settings.get("epoch", "0").isdecimal():
        problems.append(f"epoch={settings['epoch']} is no number of seconds")
    if problems:
        raise LockError(f'{path} cannot be read: {"; ".join(problems)}. Run "make pin".')
    return BaseLock(settings["suite"], settings["architecture"], int(settings["epoch"]), versions)


def write_lock(path: Path, lock: BaseLock) -> None:
    """Replace a lock."""
    lines = [f"{name} {version}" for name, version in sorted(lock.versions.items())]
    settings = f"suite={lock.suite}\narchitecture={lock.architecture}\nepoch={lock.epoch}\n"
    path.write_text(HEADER + settings + "\n".join(lines) + "\n")


def compare(pinned: Mapping[str, str], found: Mapping[str, str]) -> Difference:
    """Sort the differences into newer packages and refused ones."""
    newer, refused = [], []
    for name in sorted(pinned.keys() | found.keys()):
        if name not in found:
            refused.append(f"{name} {pinned[name]} is pinned and not in the base")
        elif name not in pinned:
            refused.append(f"{name} {found[name]} is in the base and not pinned")
        elif is_older(pinned[name], found[name]):
            newer.append(f"{name} {pinned[name]} -> {found[name]}")
        elif found[name] != pinned[name]:
            refused.append(f"{name} {found[name]} is older than the pinned {pinned[name]}")
    return Difference(newer, refused)


def is_older(one: str, other: str) -> bool:
    """Return True if a version comes before another by Debian's rules; dpkg decides."""
    command = ["dpkg", "--compare-versions", one, "lt", other]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 -- Debian's own


def main(arguments: list[str]) -> int:
    """Print a setting of a lock, compare a base with it, or write it anew."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.serving.image.debian_lock", description=__doc__
    )
    parser.add_argument("lock", type=Path)
    parser.add_argument("status", type=Path, nargs="?", help="dpkg's record of the base")
    parser.add_argument("--show", choices=["suite", "architecture", "epoch"])
    parser.add_argument("--strict", action="store_true", help="refuse newer versions too")
    parser.add_argument("--write", type=int, metavar="EPOCH", help="pin what the base holds")
    options = parser.parse_args(arguments)
    try:
        lock = read_lock(options.lock)
    except LockError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    if options.show:
        sys.stdout.write(f"{getattr(lock, options.show)}\n")
        return 0
    packages = read_status(options.status)
    found = {package.name: package.version for package in packages}
    if options.write is not None:
        return _write(options.lock, lock, packages, epoch=options.write)
    return _judge(options.lock, compare(lock.versions, found), strict=options.strict)


def _write(path: Path, lock: BaseLock, packages: Iterable[DebianPackage], *, epoch: int) -> int:
    found = {package.name: package.version for package in packages}
    (architecture,) = {p.architecture for p in packages if p.architecture != "all"}
    if (found, architecture) == (lock.versions, lock.architecture):
        sys.stderr.write(f"{path} holds these versions already.\n")
        return 0
    write_lock(path, BaseLock(lock.suite, architecture, epoch, found))
    sys.stderr.write(
        f"Pinned {len(found)} packages. Look at the change of {path}, and commit it.\n"
    )
    return 0


def _judge(path: Path, difference: Difference, *, strict: bool) -> int:
    for line in difference.newer:
        sys.stderr.write(f"Newer than pinned: {line}\n")
    for line in difference.refused:
        sys.stderr.write(f"Refused: {line}\n")
    if difference.refused or (strict and difference.newer):
        sys.stderr.write(
            f"The base is not what {path} pins. Nothing was built. If this is what the image "
            'should hold, run "make pin", look at the change, and commit it.\n'
        )
        return REFUSED
    if difference.newer:
        sys.stderr.write(
            f"The image is built on {len(difference.newer)} newer packages than {path} pins; its "
            'bill of materials lists them. Run "make pin" and commit the change.\n'
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
