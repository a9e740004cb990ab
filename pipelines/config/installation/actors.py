"""The actor of an action, and its identity provider: MLflow, Airflow or the operating system."""

import os
import pwd
import re
from dataclasses import dataclass
from typing import Literal

Source = Literal["MLflow", "Airflow", "operating system"]

UNKNOWN = "unknown"
# The name that an Airflow without sign-in gives to everybody.
_NOBODY = frozenset({UNKNOWN, "anonymous"})
_FORM = re.compile(r"(?P<name>.+) \((?P<source>MLflow|Airflow|operating system)\)")


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a program.

    Attributes:
        name: as the identity provider has it; `unknown` where it knows nobody.
        source: the identity provider.

    >>> str(Actor("alice", "MLflow"))
    'alice (MLflow)'
    """

    name: str
    source: Source

    def __str__(self) -> str:
        return f"{self.name} ({self.source})"

    def is_known_as(self, other: "Actor | None") -> bool:
        """Return True if both are known and have the same name, whatever the identity providers."""
        name = self.name.casefold()
        return other is not None and name not in _NOBODY and name == other.name.casefold()


def os_actor() -> Actor:
    """Return the user of this process by its user id, which no environment variable changes."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # an id that has no name here, as containers have them
        name = str(number)
    return Actor(name, "operating system")


def signed_in_as(tracking_uri: str) -> Actor | None:
    """Return the user that MLflow's client signs in as; None where no sign-in is needed."""
    name = os.environ.get("MLFLOW_TRACKING_USERNAME")
    return Actor(name, "MLflow") if name and tracking_uri.startswith("http") else None


def parse_actor(text: str | None) -> Actor | None:
    """Parse `alice (MLflow)`; None for other texts, such as `schedule`.

    >>> parse_actor("schedule") is None
    True
    """
    found = None if text is None else _FORM.fullmatch(text)
    return None if found is None else Actor(found["name"], found["source"])  # type: ignore[arg-type]  # the pattern allows no other source
