"""Roles of users (author, reviewer, deployer), read from a file by the MLflow auth plugin."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from expectations.contract import InputError, refuse_any
from expectations.contract.toml_file import read_toml

ROLES_VARIABLE = "OVERNIGHT_ROLES"
# Tags of a registered model, a version's number behind each: what a reviewer asks for, who asked,
# and who set the alias `approved`. The auth plugin sets the last two.
ASKED, ASKED_BY, APPROVED_BY = "overnight.asked", "overnight.asked_by", "overnight.approved_by"
REVIEW_REQUEST = re.compile(rf"{re.escape(ASKED)}\.\d+")

Role = Literal["author", "reviewer", "deployer"]


def read_roles(path: Path) -> Mapping[str, frozenset[Role]]:
    """Read the roles of each user of the MLflow server, by name.

    Args:
        path: a TOML file with a list of names for each role: `reviewer = ["rita"]`.

    Raises:
        InputError: when there is no such file or it is not TOML.
        ProblemsError: naming every unknown role and everything that is no list of names.
    """
    try:
        declared = read_toml(path)
    except OSError as error:
        raise InputError(f"The roles of the MLflow server cannot be read: {error}.") from error
    known = get_args(Role)
    problems = [
        f"{role}: no such role; there are {', '.join(known)}" for role in declared.keys() - {*known}
    ]
    found: dict[str, set[Role]] = {}
    for role in known:
        names = declared.get(role, [])
        if not isinstance(names, list) or not all(isinstance(n, str) and n for n in names):
            problems.append(f'{role}: got {names!r}; write a list of names, such as ["rita"]')
            continue
        for name in names:
            found.setdefault(name, set()).add(role)
    problems += [
        f"{name}: is {' and '.join(sorted(roles))}; who deploys decides nothing, give it to another"
        for name, roles in found.items()
        if "deployer" in roles and len(roles) > 1
    ]
    refuse_any(str(path), sorted(problems))
    return {name: frozenset(roles) for name, roles in found.items()}


def is_ours(key: str) -> bool:
    """Return True if a tag of this key can be set by the deployer alone."""
    return key.strip().casefold().startswith("overnight.")


def refusal(
    roles: frozenset[Role], *, alias: str | None, tags: frozenset[str] = frozenset()
) -> str | None:
    """Return the reason to refuse a change of a registered model; None when it is allowed.

    Args:
        roles: of the user.
        alias: the alias that is moved or taken away, as it was written.
        tags: keys of the tags that are set or taken away.
    """
    moved = None if alias is None else alias.strip().casefold()
    if moved == "approved" and not roles & {"reviewer", "deployer"}:
        return "only a reviewer may move the alias approved"
    if moved in {"champion", "challenger"} and "deployer" not in roles:
        return f"only the deployer may move the alias {moved}: it follows what was verified"
    if alias is not None and moved in {"approved", "champion", "challenger"} and alias != moved:
        return f"the alias is spelled {moved}"
    kept = set(filter(is_ours, tags))
    if "reviewer" in roles:
        kept = {k for k in kept if not REVIEW_REQUEST.fullmatch(k)}
    if kept and "deployer" not in roles:
        return "only the deployer may change what overnight noted of a version"
    return None
