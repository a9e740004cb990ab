"""Who did something, and who says so: MLflow, Airflow or the operating system."""

import os
import pwd
import re
from dataclasses import dataclass
from typing import Literal

Source = Literal["MLflow", "Airflow", "operating system"]

UNKNOWN = "unknown"
# An Airflow that asks nobody to sign in calls everybody so.
_NOBODY = frozenset({UNKNOWN, "anonymous"})
SCHEDULE = "schedule"
_FORM = re.compile(r"(?P<name>.+) \((?P<source>MLflow|Airflow|operating system)\)")


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a program.

    Attributes:
        name: as the source has it; `unknown` where the source knows nobody.
        source: who vouches for the name.

    >>> str(Actor("alice", "MLflow"))
    'alice (MLflow)'
    """

    name: str
    source: Source

    def __str__(self) -> str:
        return f"{self.name} ({self.source})"

    def is_known_as(self, other: "Actor | None") -> bool:
        """Whether both are known, and to be the same person, whoever vouches for them."""
        name = self.name.casefold()
        return other is not None and name not in _NOBODY and name == other.name.casefold()


def os_actor() -> Actor:
    """The user of this process, by its user id, which no variable of the environment changes."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # an id that has no name here, as containers have them
        name = str(number)
    return Actor(name, "operating system")


def signed_in_as(tracking_uri: str) -> Actor | None:
    """The user that MLflow's client signs in as; None where nobody has to."""
    name = os.environ.get("MLFLOW_TRACKING_USERNAME")
    return Actor(name, "MLflow") if name and tracking_uri.startswith("http") else None


def parse_actor(text: str | None) -> Actor | None:
    """Read `alice (MLflow)`; None where nobody stands there, such as for a schedule.

    >>> parse_actor("schedule") is None
    True
    """
    found = None if text is None else _FORM.fullmatch(text)
    return None if found is None else Actor(found["name"], found["source"])  # type: ignore[arg-type]  # the pattern allows no other source
