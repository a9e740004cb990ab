"""Typed references between steps, and the outcome of a deployment: parsed and written here only.

Airflow stores texts and people type them. A step parses its arguments, passes typed values to the
function behind it, and writes the value that it returns.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from expectations.contract import InputError

PROMOTED: Final = "PROMOTED"
ROLLED_BACK: Final = "ROLLED_BACK"
Verdict = Literal["PROMOTED", "ROLLED_BACK", "DIVERGED"]

_OUTCOME = re.compile(r"(PROMOTED|ROLLED_BACK|DIVERGED)(?: ([^\s:]*)(?:: (.*))?)?", re.DOTALL)
_NONE = "nothing"


@dataclass(frozen=True, slots=True)
class TableVersion:
    """A pinned version of one table of the lake, `features@v12`."""

    name: str
    version: int

    def __str__(self) -> str:
        return f"{self.name}@v{self.version}"

    @classmethod
    def parse(cls, reference: str) -> "TableVersion":
        """Parse `features@v12`.

        Raises:
            InputError: when the reference has another form; so do the other references here.
        """
        match = re.fullmatch(r"(\w+)@v(\d+)", reference)
        if match is None:
            raise InputError(f"{reference!r} is not a table version; write it as features@v12.")
        return cls(match[1], int(match[2]))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Pinned versions of both tables that a delivery writes, `transactions@v3+labels@v3`."""

    transactions: TableVersion
    labels: TableVersion

    def __str__(self) -> str:
        return f"{self.transactions}+{self.labels}"

    @classmethod
    def parse(cls, reference: str) -> "Snapshot":
        """Parse `transactions@v3+labels@v3`."""
        first, plus, second = reference.partition("+")
        if not plus:
            raise InputError(
                f"{reference!r} is not a snapshot; write it as transactions@v3+labels@v3."
            )
        return cls(TableVersion.parse(first), TableVersion.parse(second))


@dataclass(frozen=True, slots=True)
class StudyReference:
    """A tuning study by its name in the database, `studies:/demo-0a1b`."""

    name: str

    def __str__(self) -> str:
        return f"studies:/{self.name}"

    @classmethod
    def parse(cls, reference: str) -> "StudyReference":
        """Parse `studies:/demo-0a1b`, or the name alone."""
        name = reference.removeprefix("studies:/")
        if not name or "/" in name:
            raise InputError(f"{reference!r} is not a study; write it as studies:/demo-0a1b.")
        return cls(name)


@dataclass(frozen=True, slots=True)
class RunReference:
    """A run of MLflow by its id, `runs:/0a1b`."""

    run: str

    def __str__(self) -> str:
        return f"runs:/{self.run}"

    @classmethod
    def parse(cls, reference: str) -> "RunReference":
        """Parse `runs:/0a1b`, or the id alone."""
        run = reference.removeprefix("runs:/")
        if re.fullmatch(r"\w+", run) is None:
            raise InputError(f"{reference!r} is not a run; write it as runs:/0a1b.")
        return cls(run)


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A registered version of a spec's model, `models:/demo/7`."""

    name: str
    number: int

    def __str__(self) -> str:
        return f"models:/{self.name}/{self.number}"


@dataclass(frozen=True, slots=True)
class EndpointReference:
    """An endpoint with the versions that serve there, `endpoints:/demo/7`, `endpoints:/demo/7+8`.

    Attributes:
        beside: the version that serves as a shadow or in an A/B test; None without one.
    """

    name: str
    number: int
    beside: int | None = None

    def __str__(self) -> str:
        more = "" if self.beside is None else f"+{self.beside}"
        return f"endpoints:/{self.name}/{self.number}{more}"


@dataclass(frozen=True, slots=True)
class DeploymentOutcome:
    """The end of a deployment as it was verified, `ROLLED_BACK demo-1a2b: An alarm rang.`.

    Attributes:
        verdict: PROMOTED when the version serves; ROLLED_BACK when what served before does;
            DIVERGED when something serves that is neither.
        config: the configuration that serves; empty without one.
        reason: a sentence; empty when PROMOTED.
    """

    verdict: Verdict
    config: str
    reason: str = ""

    def __str__(self) -> str:
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.verdict} {self.config}{reason}".rstrip()

    @classmethod
    def parse(cls, text: str) -> "DeploymentOutcome":
        """Parse the text of an outcome."""
        match = _OUTCOME.fullmatch(text)
        if match is None:
            raise InputError(f"{text!r} is not an outcome; give what the step verify returned.")
        verdict: Verdict = match[1]  # type: ignore[assignment]  # the pattern has no other
        return cls(verdict, match[2] or "", match[3] or "")


def version_name(reference: str, *, model: str) -> str:
    """Return the number or alias in a reference to a version, with or without `models:/demo/`.

    >>> version_name("models:/demo/7", model="demo"), version_name("champion", model="demo")
    ('7', 'champion')
    """
    return reference.removeprefix(f"models:/{model}/")


def write_optional(reference: object | None) -> str:
    """Write a reference, or `nothing` where no version is approved or was deployed."""
    return _NONE if reference is None else str(reference)


def read_optional(text: str) -> str | None:
    """Read the text of `write_optional`; None for `nothing`."""
    return None if text == _NONE else text
