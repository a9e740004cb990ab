"""Review requests: decisions that reviewers ask for where only the deployer may write them.

Where everybody signs in (`infra.tracking`), a reviewer's command stores the request with its reason
as a tag that only reviewers may set, and the next deploy run records the decision. The server notes
the requester beside it.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from infra.tracking import APPROVED_BY, ASKED, ASKED_BY
from pipelines.config import find_problem
from pipelines.config.installation import UNKNOWN, Actor, parse_actor
from pipelines.tracking import Registry, Version

log = logging.getLogger(__name__)

Choice = Literal["approve", "reject"]


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """The latest request about a version.

    Attributes:
        override: reason to override the gate's refusal; empty: no override.
        by: the requester, as the server noted.
    """

    choice: Choice
    because: str
    override: str
    by: Actor


def leave_request(
    registry: Registry, version: Version, choice: Choice, *, because: str, override: str = ""
) -> None:
    """Store a request for a decision about a version."""
    said = {"choice": choice, "because": because, "override": override}
    registry.tag_model({f"{ASKED}.{version.number}": json.dumps(said)})


def find_requests(registry: Registry) -> Mapping[int, ReviewRequest]:
    """Map versions to the requests about them, oldest first; unreadable ones are skipped."""
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
            log.warning("The request about version %s does not count: %s", number, problems[0])
        elif choice in {"approve", "reject"}:
            by = parse_actor(tags.get(f"{ASKED_BY}.{number}")) or Actor(UNKNOWN, "MLflow")
            found[int(number)] = ReviewRequest(cast("Choice", choice), because, override, by)
    return dict(sorted(found.items()))


def mover_of(registry: Registry, version: Version) -> Actor:
    """Return who set the alias `approved` on a version, as the server noted."""
    message = parse_actor(registry.model_tags().get(f"{APPROVED_BY}.{version.number}"))
    return message or Actor(UNKNOWN, "MLflow")
