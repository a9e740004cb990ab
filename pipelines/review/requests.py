"""Requests of reviewers to a registry that lets only the deployer write decisions.

Where everybody signs in (`infra.tracking`), a reviewer's command leaves the wish with its reason as
a tag that only reviewers may set, and the next deploy run makes the decision of it. The server
notes beside it who asked.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from infra.tracking.roles import APPROVED_BY, ASKED, ASKED_BY
from pipelines.config import find_problem
from pipelines.config.installation import UNKNOWN, Actor, parse_actor
from pipelines.tracking import Registry, Version

log = logging.getLogger(__name__)

Choice = Literal["approve", "reject"]


@dataclass(frozen=True, slots=True)
class Wish:
    """One version's: the last one asked.

    Attributes:
        override: why the gate's refusal is set aside; empty: it is not.
        by: who asked, as the server noted.
    """

    choice: Choice
    because: str
    override: str
    by: Actor


def leave_wish(
    registry: Registry, version: Version, choice: Choice, *, because: str, override: str = ""
) -> None:
    """Ask for a decision about a version."""
    said = {"choice": choice, "because": because, "override": override}
    registry.tag_model({f"{ASKED}.{version.number}": json.dumps(said)})


def find_wishes(registry: Registry) -> Mapping[int, Wish]:
    """Version to what was asked of it, oldest version first; what cannot be read is no wish."""
    tags = registry.model_tags()
    found = {}
    for key, text in tags.items():
        number = key.removeprefix(f"{ASKED}.")
        if key == number or not number.isdecimal():
            continue
        try:
            said = json.loads(text)
            choice, because = said["choice"], str(said["because"])
            override = str(said.get("override", ""))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
        given = {"because": because, "override": override}
        problems = [p for p in (find_problem(n, text) for n, text in given.items()) if p]
        if problems:
            log.warning("What was asked of version %s does not count: %s", number, problems[0])
        elif choice in {"approve", "reject"}:
            by = parse_actor(tags.get(f"{ASKED_BY}.{number}")) or Actor(UNKNOWN, "MLflow")
            found[int(number)] = Wish(cast("Choice", choice), because, override, by)
    return dict(sorted(found.items()))


def mover_of(registry: Registry, version: Version) -> Actor:
    """Return the name of whoever set the alias `approved` on a version, as the server noted."""
    told = parse_actor(registry.model_tags().get(f"{APPROVED_BY}.{version.number}"))
    return told or Actor(UNKNOWN, "MLflow")
