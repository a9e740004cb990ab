"""Have pip-audit ask a public service for known vulnerabilities of every locked package.

pip-audit ends well when the service knows none of the packages, and alike when it cannot be
reached as when it found something. Here an audit that did not take place is told apart: status 3.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from packaging.utils import canonicalize_name
from pydantic import Field

from expectations.contract import FrozenModel, InputError
from infra.supply.declared import read_declared
from infra.supply.lock import Package, find_locks, read_lock

HERE = Path(__file__).parent
ACCEPTED = HERE / "accepted.toml"
VULNERABLE, NOT_ASKED = 2, 3
MAX_NAMED = 10
REMEDY = (
    "Run it where that service can be reached, or name another: "
    'make audit ARGS="--service osv --osv-url https://…/v1/query".'
)

Reason = Annotated[str, Field(min_length=1)]


class Accepted(FrozenModel):
    """A vulnerability that stands for a while.

    Attributes:
        until: the first day on which it stands no more.
    """

    id: Reason
    package: Package
    because: Reason
    until: date

    def meets(self, found: "Vulnerability") -> bool:
        """Return True if it is the one that was found."""
        return found.package == self.package and self.id in found.ids


class Acceptances(FrozenModel):
    """`accepted.toml`."""

    accepted: tuple[Accepted, ...] = ()


class NotAskedError(InputError):
    """The service was not asked, or knows nothing of a package: nothing is proven."""


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """A hole in a locked package.

    Attributes:
        ids: all that it is known by.
        fixed: versions without it.
    """

    package: str
    version: str
    ids: tuple[str, ...]
    fixed: tuple[str, ...]

    def __str__(self) -> str:
        remedy = f"fixed in {', '.join(self.fixed)}" if self.fixed else "not fixed yet"
        return f"{self.package} {self.version}: {' '.join(self.ids)}, {remedy}"


def read_report(text: str, *, lock: str, expected: Collection[str]) -> list[Vulnerability]:
    """Read what pip-audit found.

    Args:
        text: its report as JSON.
        lock: what it was asked about, for messages.
        expected: the packages that have to be in it.

    Raises:
        NotAskedError: when packages are missing in it or were skipped.
    """
    try:
        listed: list[dict[str, Any]] = json.loads(text)["dependencies"]
    except (ValueError, KeyError) as error:
        raise NotAskedError(
            f"{lock} was not audited: pip-audit gave no report. {REMEDY}"
        ) from error
    skipped = {entry["name"] for entry in listed if "skip_reason" in entry}
    unheard = sorted(skipped | ({*expected} - {canonicalize_name(e["name"]) for e in listed}))
    if unheard:
        more = f" and {len(unheard) - MAX_NAMED} more" if len(unheard) > MAX_NAMED else ""
        raise NotAskedError(
            f"{len(unheard)} of {len(expected)} packages of {lock} were not audited, as the "
            f"service does not know them: {', '.join(unheard[:MAX_NAMED])}{more}. {REMEDY}"
        )
    return [
        Vulnerability(
            canonicalize_name(entry["name"]),
            entry["version"],
            (found["id"], *(alias for alias in found["aliases"] if alias != found["id"])),
            tuple(found["fix_versions"]),
        )
        for entry in listed
        for found in entry["vulns"]
    ]


def sort_out(
    found: Iterable[Vulnerability], accepted: Iterable[Accepted], *, today: date
) -> list[str]:
    """Return what has to be done: vulnerabilities not accepted, and acceptances that are over."""
    every = dict.fromkeys(found)
    standing: set[Vulnerability] = set()
    problems = []
    for entry in accepted:
        met = {each for each in every if entry.meets(each)}
        if met and entry.until <= today:
            problems.append(f"{entry.id} in {entry.package} was accepted until {entry.until}")
        else:
            standing |= met
    return [str(each) for each in every if each not in standing] + problems


def find_idle(found: Collection[Vulnerability], accepted: Iterable[Accepted]) -> list[str]:
    """Return a line for each acceptance that meets nothing of all that was found."""
    return [
        f"{entry.id} is not in {entry.package} any more; leave it out"
        for entry in accepted
        if not any(map(entry.meets, found))
    ]


def audit_lock(
    lock: Path, *, name: str, tools: Path, options: Iterable[str]
) -> list[Vulnerability]:
    """Have pip-audit ask about every package of a lock that is for this machine.

    Args:
        lock: the file.
        name: of the lock, for messages.
        tools: an environment with pip-audit.
        options: of pip-audit.

    Raises:
        NotAskedError: when the service could not be asked about each of them.
    """
    expected = {package.name for package in read_lock(lock) if package.applies}
    command = [
        str(tools / "bin" / "pip-audit"), "--requirement", str(lock), "--require-hashes",
        "--disable-pip", "--format", "json", "--progress-spinner", "off", *options,
    ]  # fmt: skip
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- ours
    if not ran.stdout.strip():
        said = ran.stderr.strip().splitlines()
        raise NotAskedError(
            f"{name} was not audited: {said[-1] if said else 'pip-audit said nothing'}. {REMEDY}"
        )
    return read_report(ran.stdout, lock=name, expected=expected)


def main(arguments: list[str]) -> int:
    """Audit all locks; status 2 when something has to be done, 3 when it cannot be known."""
    parser = argparse.ArgumentParser(prog="python -m infra.supply.audit", description=__doc__)
    parser.add_argument("tools", type=Path, help="an environment with pip-audit")
    parser.add_argument("--today", type=date.fromisoformat, required=True)
    parser.add_argument("--root", type=Path, default=HERE.parents[1], help="where the locks are")
    parser.add_argument("--accepted", type=Path, default=ACCEPTED)
    parser.add_argument("--service", choices=["pypi", "osv"], default="pypi")
    parser.add_argument("--osv-url", help="another address of an OSV service")
    options = parser.parse_args(arguments)
    try:
        accepted = read_declared(options.accepted, Acceptances).accepted
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return VULNERABLE
    return _audit(options, accepted)


def _audit(options: argparse.Namespace, accepted: Collection[Accepted]) -> int:
    asked = ["--vulnerability-service", options.service]
    asked += ["--osv-url", options.osv_url] if options.osv_url else []
    locks = find_locks(options.root)
    found: list[Vulnerability] = []
    unasked, refused = [], []
    for lock in locks:
        try:
            name = str(lock.relative_to(options.root))
            found += audit_lock(lock, name=name, tools=options.tools, options=asked)
        except NotAskedError as error:
            unasked.append(str(error))
        except InputError as error:
            refused.append(str(error))
    problems = [*refused, *sort_out(found, accepted, today=options.today)]
    if not (unasked or refused):
        problems += find_idle(found, accepted)
    for problem in (*problems, *unasked):
        sys.stderr.write(f"{problem}\n")
    done = len(locks) - len(unasked) - len(refused)
    sys.stdout.write(f"{done} of {len(locks)} locks audited, {len(problems)} problems\n")
    return NOT_ASKED if unasked else VULNERABLE if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
