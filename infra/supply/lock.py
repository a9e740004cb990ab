"""A lock: pinned packages with their hashes, as `uv pip compile` writes them.

Read by hand and not by an installer, so that what an installer would let pass is seen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pydantic import AfterValidator, Field

from expectations.contract import InputError

PATTERN = "requirements*.lock"

# A name that somebody wrote by hand, spelled as locks are read.
Package = Annotated[str, Field(min_length=1), AfterValidator(canonicalize_name)]


@dataclass(frozen=True, slots=True)
class Locked:
    """One line of a lock.

    Attributes:
        name: in its canonical spelling.
        version: the one that is pinned.
        applies: whether its marker holds for this interpreter on this machine.
    """

    name: str
    version: str
    applies: bool


def find_locks(root: Path) -> list[Path]:
    """Every lock of the house, in the order of their names."""
    return sorted(root.glob(PATTERN))


def read_lock(path: Path) -> list[Locked]:
    """Read a lock.

    Raises:
        InputError: naming every line that is no pinned package with hashes.
    """
    packages, problems = [], []
    for number, line in _joined(path.read_text()):
        requirement, *options = re.split(r"\s+(?=--)", line)
        problem = _fault(requirement, options)
        if problem:
            problems.append(f"line {number}: {problem}")
            continue
        parsed = Requirement(requirement)
        (pin,) = parsed.specifier
        applies = parsed.marker is None or parsed.marker.evaluate()
        packages.append(Locked(canonicalize_name(parsed.name), pin.version, applies))
    if problems:
        raise InputError(
            f"{path.name} is not what was locked: {'; '.join(problems)}. "
            'Make it anew with "make lock".'
        )
    return packages


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Each requirement on one line, with the number of its first."""
    begun, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not parts and (not stripped or stripped.startswith("#")):
            continue
        begun = begun or number
        parts.append(stripped.removesuffix("\\").strip())
        if not stripped.endswith("\\"):
            yield begun, " ".join(parts)
            begun, parts = 0, []
    if parts:
        yield begun, " ".join(parts)


def _fault(requirement: str, options: list[str]) -> str:
    """What is wrong with a line; empty when nothing is."""
    if requirement.startswith("-"):
        option, *_ = requirement.split()
        return f"{option} is an option; a lock names no index and no other file"
    try:
        parsed = Requirement(requirement)
    except InvalidRequirement:
        return f"{requirement!r} is no package with a version"
    if parsed.url:
        return f"{parsed.name} comes from an address of its own"
    if [pin.operator for pin in parsed.specifier] != ["=="]:
        return f"{parsed.name} is not pinned by =="
    if not options:
        return f"{parsed.name} has no hash"
    odd = [o for o in options if not re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", o)]
    return f"{parsed.name} has the option {odd[0].split('=')[0]}" if odd else ""
