"""What reviewers ask of a registry that lets only the deployer write decisions.

Where everybody signs in (`infra.tracking`), a reviewer's command leaves the wish with its reason as
a tag that only reviewers may set, and the next deploy run makes the decision of it. The server
notes beside it who asked.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from infra.tracking.roles import APPROVED_BY, ASKED, ASKED_BY
from pipelines.identity import UNKNOWN, Actor, parse_actor
from pipelines.registry import Registry, Version

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


def signed_in_as(tracking_uri: str) -> Actor | None:
    """The user that MLflow's client signs in as; None where nobody has to."""
    name = os.environ.get("MLFLOW_TRACKING_USERNAME")
    return Actor(name, "MLflow") if name and tracking_uri.startswith("http") else None


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
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        if choice in {"approve", "reject"}:
            by = parse_actor(tags.get(f"{ASKED_BY}.{number}")) or Actor(UNKNOWN, "MLflow")
            override = str(said.get("override", ""))
            found[int(number)] = Wish(cast("Choice", choice), because, override, by)
    return dict(sorted(found.items()))


def mover_of(registry: Registry, version: Version) -> Actor:
    """Who set the alias `approved` on a version, as the server noted."""
    told = parse_actor(registry.model_tags().get(f"{APPROVED_BY}.{version.number}"))
    return told or Actor(UNKNOWN, "MLflow")
