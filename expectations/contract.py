"""The ground floor: canonical column names, durations, what a data source must hold, the errors.

Every room may import this one, so it imports pydantic and nothing of ours. A column name is
spelled here once; everywhere else it is a name.

The error tree:

    OvernightError            ours to mend; the command line exits with 1; Airflow tries again
    ├── OutcomeError          ours too, but trying again by itself changes nothing
    └── InputError            the user's to mend; exits with 2; Airflow does not try again
        └── ProblemsError     several of them at once
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer

TRANSACTION_ID = "transaction_id"
EVENT_TIME = "event_time"
KNOWN_TIME = "known_time"
AMOUNT = "amount"
EVENT_DAY = "event_day"
LABEL = "is_fraud"
RULES = "broken_rules"

ROLES = (TRANSACTION_ID, EVENT_TIME, AMOUNT)
RESERVED = frozenset((*ROLES, KNOWN_TIME, EVENT_DAY, LABEL, RULES))


class OvernightError(Exception):
    """A failure whose message says what happened, what it got, and what to do next."""


class OutcomeError(OvernightError):
    """What was done ended otherwise than wanted; somebody has to decide what comes next."""


class InputError(OvernightError):
    """The user can mend this one: a spec, a source file, an argument, a setting."""


class ProblemsError(InputError):
    """Every problem found in one place, reported at once."""

    def __init__(self, where: str, problems: Sequence[str]) -> None:
        self.where = where
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        super().__init__("\n".join([f"{count} in {where}:", *(f"  - {p}" for p in self.problems)]))


class KeyedProblemsError(ValueError):
    """Several problems of one table of a spec, each with its key; pydantic adds where it stands."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


def refuse_any(where: str, problems: Iterable[str]) -> None:
    """Raise one `ProblemsError` when there is at least one problem.

    >>> refuse_any("demo.toml", [])
    """
    found = tuple(problems)
    if found:
        raise ProblemsError(where, found)


LONGEST = timedelta(days=36_525)
_SHOWN = 40
LONGEST_NAME = 63
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def hide_passwords(text: str) -> str:
    """A text in which addresses lack their passwords.

    >>> hide_passwords("GET http://night:hunter2@mlflow:5000/api failed")
    'GET http://night:***@mlflow:5000/api failed'
    """
    return re.sub(r"(://[^/\s:@]*):[^@\s]+@", r"\1:***@", text)


def parse_duration(text: object) -> timedelta:
    """Read a whole number with a unit: `90s`, `30m`, `12h`, `7d`, `2w`.

    Raises:
        ValueError: for anything else; pydantic turns it into a problem with its key.

    >>> parse_duration("7d")
    datetime.timedelta(days=7)
    """
    if isinstance(text, timedelta):
        return text
    match = re.fullmatch(r"(\d{1,12})([smhdw])", text, re.ASCII) if isinstance(text, str) else None
    if match is None:
        short = text if not isinstance(text, str) or len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        msg = f"{short!r} is not a duration; write a whole number and a unit: 90s, 30m, 12h, 7d, 2w"
        raise ValueError(msg)
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > LONGEST.total_seconds():
        msg = f"{text} is longer than {LONGEST.days}d, 100 years; write a shorter one"
        raise ValueError(msg)
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Write a duration in its largest whole unit up to days, as it appears in feature names.

    >>> format_duration(timedelta(days=14)), format_duration(timedelta(minutes=90))
    ('14d', '90m')
    """
    seconds = int(duration.total_seconds())
    unit = next(u for u in "dhms" if seconds % _UNITS[u] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def check_name(name: str) -> str:
    """Return a name that can stand in every engine, page and file as it is.

    Raises:
        ValueError: for any other; pydantic turns it into a problem with its key.

    >>> check_name("customer_id")
    'customer_id'
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII) or len(name) > LONGEST_NAME:
        msg = (
            "write a name of letters a to z, digits and _, not beginning with a digit, of at most "
            f"{LONGEST_NAME}; the source's own name of a column may be anything"
        )
        raise ValueError(msg)
    return name


CanonicalName = Annotated[str, AfterValidator(check_name)]


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
]


class Policy(BaseModel):
    """What all parts of a spec share: frozen, and an unknown key is a problem."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


AttributeKind = Literal["numeric", "categorical"]


ColumnKind = Literal["key", "time", "number", "count", "text", "label"]


class Column(Policy):
    """One column of a table: Spark's schema, the suites and a request's schema are made from it.

    Attributes:
        kind: `key` is an integer or text, `time` UTC microseconds, `number` a double, `count` a
            whole number, `label` 0 or 1.
        is_required: null (of a number: NaN too) is a fault.
        minimum, maximum: values outside `[minimum, maximum]` are a fault; None: unbounded.
        allowed: the only values of a text column; none: any.
    """

    name: str
    kind: ColumnKind
    is_required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] = ()

    @property
    def is_numeric(self) -> bool:
        """Whether it has a mean."""
        return self.kind in {"number", "count", "label"}


class Interval(Policy):
    """A half-open stretch of time, `[start, end)`, UTC.

    >>> day = datetime.fromisoformat
    >>> Interval(start=day("2018-04-01T00:00Z"), end=day("2018-04-08T00:00Z")).days
    7.0
    """

    start: datetime
    end: datetime

    @property
    def days(self) -> float:
        """Length in days."""
        return (self.end - self.start) / timedelta(days=1)

    def __str__(self) -> str:
        return f"[{self.start:%Y-%m-%d}, {self.end:%Y-%m-%d})"
