"""A lock: pinned packages with their hashes, as `uv pip compile` writes them.

Parsed as pip parses it, and not by an installer, so that whatever an installer would accept beside
pinned packages is seen and refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from packaging.utils import canonicalize_name
from pip_requirements_parser import InstallRequirement, RequirementsFile
from pydantic import AfterValidator, Field

from expectations.contract import InputError

# Each lock but the platform's stands beside what it installs.
PATTERNS = ("requirements.lock", "infra/**/*requirements.lock")

# A name that somebody wrote by hand, spelled as locks are read.
Package = Annotated[str, Field(min_length=1), AfterValidator(canonicalize_name)]


@dataclass(frozen=True, slots=True)
class Locked:
    """One line of a lock.

    Attributes:
        name: in its canonical spelling.
        version: the one that is pinned.
        applies: True if its marker holds for this interpreter on this machine.
    """

    name: str
    version: str
    applies: bool


def find_locks(root: Path) -> list[Path]:
    """Return every lock below a root: the platform's, then the others by their paths."""
    return [path for pattern in PATTERNS for path in sorted(root.glob(pattern))]


def read_lock(path: Path) -> list[Locked]:
    """Read a lock.

    Raises:
        InputError: naming every line that is no pinned package with hashes.
    """
    parsed = RequirementsFile.from_file(str(path))
    problems = sorted(_find_problems(parsed))
    if problems:
        said = "; ".join(f"line {number}: {problem}" for number, problem in problems)
        raise InputError(f'{path} is not what was locked: {said}. Make it anew with "make lock".')
    return [
        Locked(
            canonicalize_name(package.name),
            package.get_pinned_version,
            package.marker is None or package.marker.evaluate(),
        )
        for package in parsed.requirements
    ]


def _find_problems(parsed: RequirementsFile) -> Iterator[tuple[int, str]]:
    """Give the number of each line that lets something else in, and why."""
    for line in parsed.invalid_lines:
        yield line.line_number, f"{line.line!r} cannot be read: {line.error_message}"
    for option in parsed.options:
        name = option.line.split()[0]
        yield option.line_number, f"{name} is an option; a lock names no index and no other file"
    for package in parsed.requirements:
        if problem := _refuse(package):
            yield package.requirement_line.line_number, problem


def _refuse(package: InstallRequirement) -> str:
    """Return why a package is not taken, or nothing."""
    if package.is_url or package.name is None:
        return f"{package.name or package.line} comes from an address of its own"
    if [pin.operator for pin in package.specifier or ()] != ["=="]:
        return f"{package.name} is not pinned by =="
    if not package.hash_options:
        return f"{package.name} has no hash"
    odd = [each for each in package.hash_options if not re.fullmatch(r"sha256:[0-9a-f]{64}", each)]
    if odd:
        return f"{package.name} has the hash {odd[0]}, which is no SHA-256"
    options = [*package.install_options, *package.global_options]
    return f"{package.name} has the option {options[0]}" if options else ""
