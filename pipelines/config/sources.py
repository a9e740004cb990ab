"""The tables `[source]` and `[labels]` of a spec: where data are, how they are written, columns.

Every format reads the same keys, so that a source may change its format without a change of its
roles. Marks, words and formats of texts are checked here, before a file is opened.
"""

import codecs
import re
from datetime import UTC, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from expectations.contract import (
    AMOUNT,
    EVENT_TIME,
    KNOWN_TIME,
    TRANSACTION_ID,
    AttributeKind,
    CanonicalName,
    Duration,
    FrozenModel,
)

FormatName = Literal["parquet", "csv", "jsonl", "delta"]
KeyType = Literal["text", "integer"]
LabelMeaning = Literal["fraud", "legitimate", "unknown"]
# What each directive of a time format stands for in a text.
DIRECTIVES = {
    "Y": r"(?P<Y>\d{4})", "y": r"(?P<y>\d{2})", "m": r"(?P<m>\d{1,2})", "d": r"(?P<d>\d{1,2})",
    "b": r"(?P<b>[A-Za-z]{3})", "B": r"(?P<B>[A-Za-z]+)", "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<I>\d{1,2})", "M": r"(?P<M>\d{1,2})", "S": r"(?P<S>\d{1,2})", "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>[AaPp][Mm])", "z": r"(?P<z>Z|[+-]\d{2}:?\d{2})",
}  # fmt: skip
_SHORTHANDS = {"T": "%H:%M:%S", "F": "%Y-%m-%d", "R": "%H:%M", "D": "%m/%d/%y"}


def expand_time_format(written: str) -> list[tuple[str, str]]:
    """Split a time format into pairs of literal text and the directive behind it.

    Raises:
        ValueError: for a directive that is not known, or that stands twice.

    >>> expand_time_format("%d.%m.%Y!")
    [('', 'd'), ('.', 'm'), ('.', 'Y'), ('!', '')]
    """
    for letter, long in _SHORTHANDS.items():
        written = written.replace(f"%{letter}", long)
    parts = re.split(r"%(.|$)", written, flags=re.DOTALL)
    pairs, text = [], ""
    for literal, directive in zip(parts[::2], [*parts[1::2], ""], strict=True):
        text += literal
        if directive == "%":
            text += "%"
            continue
        if directive and directive not in DIRECTIVES:
            known = ", ".join(f"%{letter}" for letter in (*DIRECTIVES, *_SHORTHANDS))
            raise ValueError(f"%{directive} is not known; there are {known}")
        pairs.append((text, directive))
        text = ""
    directives = [directive for _, directive in pairs if directive]
    if len({*directives}) < len(directives):
        raise ValueError("a directive stands there twice; write each once")
    if not {"Y", "y"} & {*directives} or not {"m", "b", "B"} & {*directives}:
        raise ValueError("a time needs a year and a month (%Y and %m); add them")
    return pairs


def _time_format(written: str) -> str:
    expand_time_format(written)
    return written


def _encoding(name: str) -> str:
    try:
        b" ".decode(codecs.lookup(name).name, "replace")  # refuses codecs of other than texts
    except LookupError as error:
        raise ValueError("there is no such encoding; give utf-8, latin-1, cp1252 …") from error
    return name


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("there is no such time zone; give one such as Europe/Berlin") from error
    return name


def _mark(mark: str) -> str:
    if len(mark) != 1 or mark.isalnum() or mark in '+-"\r\n':
        raise ValueError('give one character that is no digit, letter, sign or quote, such as ";"')
    return mark


Mark = Annotated[str, AfterValidator(_mark)]


class Dialect(FrozenModel):
    """The way in which the values of a table are written.

    Attributes:
        delimiter: character between the cells of a CSV row; none: a comma.
        decimal_mark: of numbers that are text, `.` or `,`; none: a point.
        thousands_mark: between groups of digits of such numbers; none: there is none.
        encoding: of text files, such as `latin-1`; none: UTF-8.
        time_zone: of times that do not say their own, such as `Europe/Berlin`; none: UTC. Of the
            two readings of the hour that comes twice in autumn, the earlier is taken.
        time_format: of times that are text, such as `%d.%m.%Y %H:%M`; none: ISO 8601.
        true_values: texts that mean 1 in a label or a numeric attribute, beside `true`.
        false_values: texts that mean 0 there, beside `false`.
        missing_values: texts that stand for a missing value in any column, beside an empty one;
            in columns of numbers and times `NULL`, `NA` and `NaN` are missing anyway.
    """

    delimiter: Mark | None = None
    decimal_mark: Literal[".", ","] | None = None
    thousands_mark: Mark | None = None
    encoding: Annotated[str, AfterValidator(_encoding)] | None = None
    time_zone: Annotated[str, AfterValidator(_time_zone)] | None = None
    time_format: Annotated[str, AfterValidator(_time_format)] | None = None
    true_values: tuple[str, ...] | None = None
    false_values: tuple[str, ...] | None = None
    missing_values: tuple[str, ...] | None = None


class TimeColumn(FrozenModel):
    """A column whose times are numbers: so many units since a start.

    Attributes:
        column: its name in the source.
        unit: seconds, milliseconds, microseconds, nanoseconds or days.
        start: date or time that the number 0 stands for, UTC.
    """

    column: str
    unit: Literal["s", "ms", "us", "ns", "D"]
    start: Annotated[
        datetime,
        AfterValidator(lambda at: at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)),
    ] = datetime(1970, 1, 1, tzinfo=UTC)


class Roles(FrozenModel):
    """The source's own names of the columns that every model needs.

    Times are names of columns with timestamps, dates or texts, or a table for numbers:
    `event_time = { column = "TransactionDT", unit = "s", start = "2017-12-01" }`.

    Attributes:
        transaction_id: column with the id of a transaction, each once.
        event_time: column with the time of the transaction, UTC unless `time_zone` says otherwise.
        amount: column with the amount, a number.
        known_time: column with the time at which the row arrived; none: when it happened.
    """

    transaction_id: str
    event_time: str | TimeColumn
    amount: str
    known_time: str | TimeColumn | None = None


class Attribute(FrozenModel):
    """A column used as it is.

    Attributes:
        column: its name in the source.
        kind: what the model reads it as.
    """

    column: str
    kind: AttributeKind


class Withdrawn(FrozenModel):
    """The column that says which transactions are withdrawn: voided, or never meant to be.

    Attributes:
        column: its name in the source.
        values: texts that say so; of a column of truth values, `true`.
    """

    column: str
    values: Annotated[tuple[str, ...], Field(min_length=1)]


class Query(FrozenModel):
    """A table that is read from a database instead of files.

    Attributes:
        query: one SELECT in the SQL of the database, in place of `path`.
        connection: name of the database, such as `payments`; its URI, `postgresql://…` or
            `sqlite:///…`, is the variable `OVERNIGHT_CONNECTION_NAME` with this name in capitals.
        incremental: column of the query that grows with every change, such as `updated_at`: a night
            asks for rows whose value is the greatest read so far or more, or null; none: a night
            reads all rows.
        overlap: how far below that greatest value a night asks too, for rows that were committed
            late: a duration for times, a number for numbers; none: nothing below it.
    """

    query: str | None = None
    connection: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)] | None = None
    incremental: str | None = None
    overlap: Duration | Annotated[int, Field(ge=1)] | None = None


class Source(Dialect, Query):
    """The source of transactions, and the roles of its columns.

    Attributes:
        format: of the files; CSV and JSON lines may be compressed (`.gz`, `.zst`). `delta`: a Delta
            table, of which a night reads the versions since the last one.
        path: of a file, of a folder of files, or a pattern such as `cards/2025-*/*.csv`, or an
            `s3://` URL, or of the folder of a Delta table; `${NAME}` stands for a variable that
            `OVERNIGHT_PUBLIC` lists. A source has a `path` or a `query`.
        entities: name of each entity here, such as `customer_id`, to its column in the source.
        types: `integer` or `text` for the transaction id, an entity or a category by its name here.
            Where it is left out, the type that is filed already counts; else texts stay as they
            are written (`0012`), and whole numbers of Parquet and JSON are integers.
        withdrawn: which rows say that their transaction is withdrawn; none: no row does.
        is_full: whether each delivery holds all transactions, so that one that is absent is
            withdrawn.
    """

    format: FormatName = "parquet"
    path: str | None = None
    roles: Roles
    entities: Annotated[dict[CanonicalName, str], Field(min_length=1)]
    attributes: Annotated[dict[CanonicalName, Attribute], Field(default_factory=dict)]
    types: Annotated[dict[CanonicalName, KeyType], Field(default_factory=dict)]
    withdrawn: Withdrawn | None = None
    is_full: bool = False

    def columns(self) -> dict[str, str]:
        """Canonical name to the source's name, for every column that is read."""
        named = {
            TRANSACTION_ID: self.roles.transaction_id,
            EVENT_TIME: column_of(self.roles.event_time),
            AMOUNT: self.roles.amount,
        }
        if self.roles.known_time is not None:
            named[KNOWN_TIME] = column_of(self.roles.known_time)
        named |= self.entities
        return named | {name: attribute.column for name, attribute in self.attributes.items()}


class Labels(Dialect, Query):
    """The source of labels, and the time at which each is known.

    Two forms. A column of the transactions with a fixed `delay`; or a table of fraud reports
    (`path` or `query`, `transaction_id`, `known_time`) that holds the frauds only. Format, dialect
    and connection of the reports are those of `[source]` where a key is left out.

    Attributes:
        column: column of the transactions that is 1 for a fraud, 0 for none, and empty where that
            is not known.
        delay: time from a transaction to the moment at which that column is known.
        path: of the table of fraud reports, instead of `column`.
        format: of the reports; none: as in `[source]`.
        transaction_id: column of the reports with the id of the transaction.
        known_time: column of the reports with the time of the report.
        state: column of the reports with a state such as `confirmed`; none: each reports a fraud.
        states: what each state says, `fraud`, `legitimate` or `unknown`. Without `state` it is the
            label column that holds states.
        is_full: whether each delivery of reports holds all of them, so that one that is absent is
            withdrawn.
        maturity: how long a transaction without a report stays *unknown*; after it, legitimate.
    """

    column: str | None = None
    delay: Duration | None = None
    path: str | None = None
    format: FormatName | None = None
    transaction_id: str | None = None
    known_time: str | TimeColumn | None = None
    state: str | None = None
    states: Annotated[dict[str, LabelMeaning], Field(default_factory=dict)]
    is_full: bool = False
    maturity: Duration


def column_of(time: str | TimeColumn) -> str:
    """Return the source's name of a column of times."""
    return time if isinstance(time, str) else time.column


def reports_dialect(source: Source, labels: Labels) -> Dialect:
    """Return the dialect of the reports: the labels' own keys, and the source's where left out."""
    own = {name: getattr(labels, name) for name in Dialect.model_fields}
    given = {name: getattr(source, name) for name in Dialect.model_fields}
    return Dialect(**{name: own[name] if own[name] is not None else given[name] for name in own})
