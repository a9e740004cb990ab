"""Find the licence of each locked package, and judge whether it is one that we take.

The bills of materials say what is installed; `licences.toml` says what is taken; `licences.csv` is
the list that people read, and a change in it is a change that somebody looks at.
"""

import argparse
import csv
import io
import json
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from packaging.utils import canonicalize_name
from pydantic import AfterValidator, Field

from expectations.contract import FrozenModel, InputError
from infra.supply.declared import read_declared
from infra.supply.expression import canonicalize_expression, is_allowed
from infra.supply.lock import Package, find_locks, read_lock

HERE = Path(__file__).parent
POLICY, LIST = HERE / "licences.toml", HERE / "licences.csv"
COLUMNS = ["package", "licence"]
UNKNOWN = "unknown"

Reason = Annotated[str, Field(min_length=1)]


def _check_spelling(licence: str) -> str:
    try:
        spelled = canonicalize_expression(licence)
    except InputError as error:
        raise ValueError(str(error)) from error  # for pydantic, which adds the key
    if spelled != licence:
        raise ValueError(f"SPDX spells it {spelled}")
    return licence


Licence = Annotated[str, AfterValidator(_check_spelling)]


class Taken(FrozenModel):
    """A package whose licence we say ourselves.

    Attributes:
        because: where that is known from, and why the licence is taken.
    """

    licence: Licence
    because: Reason


class LicencePolicy(FrozenModel):
    """`licences.toml`.

    Attributes:
        allowed: identifiers that are taken without a further look.
        names: identifiers by what packages write instead; an empty one says nothing.
        exceptions: packages that are taken each for a reason of its own.
        elsewhere: licences of packages that are locked for other systems or interpreters.
    """

    allowed: frozenset[Licence]
    names: dict[str, str]
    exceptions: dict[Package, Taken]
    elsewhere: dict[Package, Licence]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of checking all packages.

    Attributes:
        licences: by package.
        problems: why they are not taken; empty when all are.
    """

    licences: dict[str, str]
    problems: list[str]


def judge(
    bills: Iterable[Mapping[str, Any]], locked: Mapping[str, bool], policy: LicencePolicy
) -> Verdict:
    """Find the licence of every locked package, and say which are not taken.

    Args:
        bills: CycloneDX, of every environment that was made from a lock.
        locked: every locked package, and whether it is for this system and interpreter.
        policy: what is taken.
    """
    told: dict[str, set[str]] = defaultdict(set)
    for bill in bills:
        for component in bill["components"]:
            spelled = _spell(component.get("licenses", []), policy.names)
            told[canonicalize_name(component["name"])].add(spelled)
    licences: dict[str, str] = {}
    problems: list[str] = []
    for name, applies in sorted(locked.items()):
        if name in policy.exceptions:
            licences[name] = policy.exceptions[name].licence
        elif name in told:
            # Two environments may hold it in two versions.
            licences[name] = UNKNOWN if UNKNOWN in told[name] else _join(told[name])
        elif name in policy.elsewhere:
            licences[name] = policy.elsewhere[name]
        elif applies:
            problems.append(f"{name} is locked, and no environment that was looked at has it")
            continue
        else:
            problems.append(f"{name} is locked for other systems; give its licence in [elsewhere]")
            continue
        problems += _refuse(name, licences[name], policy)
    listed = {*policy.exceptions, *policy.elsewhere}
    problems += [f"{name} is locked no more; leave it out" for name in sorted(listed - {*locked})]
    return Verdict(licences, problems)


def write_list(licences: Mapping[str, str]) -> str:
    """Return the list as CSV, a package a line."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(sorted(licences.items()))
    return out.getvalue()


def compare_list(licences: Mapping[str, str], kept: str, *, locked: Collection[str]) -> list[str]:
    """Return the differences between what is installed and the list that was committed."""
    before = {row[COLUMNS[0]]: row[COLUMNS[1]] for row in csv.DictReader(io.StringIO(kept))}
    changes = []
    for name in sorted({*licences, *before}):
        was, is_now = before.get(name), licences.get(name)
        if was is None:
            changes.append(f"{name} is new: {is_now}")
        elif is_now is None:
            changes += [] if name in locked else [f"{name} is locked no more"]
        elif was != is_now:
            changes.append(f"{name} has {is_now}, and had {was}")
    return changes


def find_locked(locks: Iterable[Path]) -> dict[str, bool]:
    """Return every package of some locks, and whether any of its lines is for this machine."""
    found: dict[str, bool] = {}
    for path in locks:
        for package in read_lock(path):
            found[package.name] = found.get(package.name, False) or package.applies
    return found


def _spell(terms: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> str:
    """Return one expression from all that a package says of itself; two statements mean both."""
    spelled = []
    for term in terms:
        stated = term.get("license", {})
        text = term.get("expression") or stated.get("id") or stated.get("name") or ""
        known = names.get(text, text)
        if known and known not in spelled:
            spelled.append(known)
    return _join(spelled) or UNKNOWN


def _join(terms: Iterable[str]) -> str:
    """Return all terms as one expression, each once."""
    parts = {p for t in terms for p in ([t] if " OR " in t else t.split(" AND "))}
    return " AND ".join(f"({p})" if " OR " in p and len(parts) > 1 else p for p in sorted(parts))


def _refuse(name: str, licence: str, policy: LicencePolicy) -> list[str]:
    if licence == UNKNOWN:
        return [f"{name} names no licence; look into it and say in [exceptions] what it has"]
    if name in policy.exceptions:
        return []
    try:
        met = is_allowed(licence, policy.allowed)
    except InputError:
        return [f"{name} says {licence!r}, which is no identifier; say in [names] what it means"]
    return [] if met else [f"{name} has {licence}, which is not allowed; replace it or justify it"]


def main(arguments: list[str]) -> int:
    """Judge, and compare with the list; status 2 when something is not taken or changed."""
    parser = argparse.ArgumentParser(prog="python -m infra.supply.licences", description=__doc__)
    parser.add_argument("bills", nargs="+", type=Path, help="CycloneDX, one an environment")
    parser.add_argument("--root", type=Path, default=HERE.parents[1], help="where the locks are")
    parser.add_argument("--list", type=Path, default=LIST, help="the committed list")
    parser.add_argument("--write", action="store_true", help="replace the list")
    options = parser.parse_args(arguments)
    try:
        problems = _judge_all(options)
    except InputError as error:
        problems = [str(error)]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 2 if problems else 0


def _judge_all(options: argparse.Namespace) -> list[str]:
    bills = [json.loads(path.read_text()) for path in options.bills]
    locked = find_locked(find_locks(options.root))
    verdict = judge(bills, locked, read_declared(POLICY, LicencePolicy))
    problems = list(verdict.problems)
    if options.write:
        options.list.write_text(write_list(verdict.licences))
    else:
        kept = options.list.read_text() if options.list.exists() else ""
        problems += [
            f'{change}: read it, then "make licences ARGS=--write"'
            for change in compare_list(verdict.licences, kept, locked=locked)
        ]
    sys.stdout.write(f"{len(verdict.licences)} packages, {len(problems)} problems\n")
    return problems


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
