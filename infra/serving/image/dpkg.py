"""The Debian packages of a tree, read from dpkg's own record by the standard library alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

STATUS = Path("var/lib/dpkg/status")
INSTALLED = "install ok installed"


@dataclass(frozen=True, slots=True)
class DebianPackage:
    """One installed package.

    Attributes:
        source: the source package that it was built from.
    """

    name: str
    version: str
    architecture: str
    source: str


def read_status(path: Path) -> list[DebianPackage]:
    """List the installed packages of a status file, in the order of their names."""
    found = []
    for fields in read_stanzas(path.read_text(encoding="utf-8")):
        if fields.get("Status") == INSTALLED:
            name = fields["Package"]
            source = fields.get("Source", name).partition(" ")[0]
            found.append(DebianPackage(name, fields["Version"], fields["Architecture"], source))
    return sorted(found, key=lambda package: package.name)


def read_stanzas(text: str) -> Iterator[dict[str, str]]:
    r"""Yield each paragraph of Debian's control format; of a field, its first line.

    >>> list(read_stanzas("Package: a\nDepends: b,\n c\n\nPackage: d\n"))
    [{'Package': 'a', 'Depends': 'b,'}, {'Package': 'd'}]
    """
    for paragraph in text.split("\n\n"):
        fields = {}
        for line in paragraph.splitlines():
            key, colon, value = line.partition(":")
            if colon and not line[0].isspace():
                fields[key] = value.strip()
        if fields:
            yield fields
