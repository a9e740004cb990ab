"""The tables `[source]` and `[labels]` of a spec: where data are, how they are written, columns.

Every format reads the same keys, so that a source may change its format without a change of its
roles.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

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
from pipelines.config.source_tables.dialect import Dialect

FormatName = Literal["parquet", "csv", "jsonl", "delta"]
KeyType = Literal["text", "integer"]
LabelMeaning = Literal["fraud", "legitimate", "unknown"]


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


class ComposedId(FrozenModel):
    """A transaction id that is composed of the values of columns, of a source that has none.

    The id depends on those values only: it is the same in each delivery of the row, whatever its
    file, its place in it and the files beside it. Rows of one file that are equal in all these
    columns are numbered. A row whose values change is another transaction.

    Attributes:
        columns: their names in the source; never the label, which changes.
    """

    columns: Annotated[tuple[str, ...], Field(min_length=1)]


class Roles(FrozenModel):
    """The source's own names of the columns that every model needs.

    Times are names of columns with timestamps, dates or texts, or a table for numbers:
    `event_time = { column = "TransactionDT", unit = "s", start = "2017-12-01" }`.

    Attributes:
        transaction_id: column with the id of a transaction, each once; of a source without ids the
            columns that it is composed of, `{ columns = ["Time", "V1", "Amount"] }`.
        event_time: column with the time of the transaction, UTC unless `time_zone` says otherwise.
        amount: column with the amount, a number; metrics in money need it.
        known_time: column with the time at which the row arrived; none: when it happened.
    """

    transaction_id: str | ComposedId
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


class JoinedTable(Dialect):
    """A second table, of which each transaction gets the row of its key that was known then.

    Format and dialect are those of `[source]` where a key is left out.

    Attributes:
        name: of the table, unlike that of any other.
        format: of its files; none: as in `[source]`.
        path: as that of `[source]`.
        key: what is equal in a transaction and in a row of the table: a transaction id, entity or
            attribute by its name here, a list of them, or a table from such names to the columns of
            this table where these are called otherwise.
        known_time: column with the time at which a row became known; none: at the arrival of its
            file, or together with its transaction where the key is `transaction_id`.
        max_age: how long a row counts; none: until a newer one of its key is known.
        attributes: columns that transactions get, as in `[source.attributes]`.
    """

    name: CanonicalName
    format: FormatName | None = None
    path: str
    key: str | tuple[str, ...] | dict[str, str]
    known_time: str | TimeColumn | None = None
    max_age: Duration | None = None
    attributes: Annotated[dict[CanonicalName, Attribute], Field(min_length=1)]

    def key_columns(self) -> Mapping[str, str]:
        """Map each column of transactions that the key consists of to the table's own column."""
        if isinstance(self.key, dict):
            return self.key
        return {name: name for name in ([self.key] if isinstance(self.key, str) else self.key)}

    @property
    def is_identity(self) -> bool:
        """True if its rows belong to one transaction each, and are known with it."""
        return self.known_time is None and TRANSACTION_ID in self.key_columns()


class Source(Dialect, Query):
    """The source of transactions, and the roles of its columns.

    Attributes:
        format: of the files; CSV and JSON lines may be compressed (`.gz`, `.zst`). `delta`: a Delta
            table, of which a night reads the versions since the last one.
        path: of a file, of a folder of files, or a pattern such as `cards/2025-*/*.csv`, or an
            `s3://` URL, or of the folder of a Delta table; `${NAME}` stands for a variable that
            `OVERNIGHT_PUBLIC` lists. A source has a `path` or a `query`.
        entities: name of each entity here, such as `customer_id`, to its column in the source;
            none: rows have no history, and so features no windows.
        types: `integer` or `text` for the transaction id, an entity or a category by its name here.
            Where it is left out, the type that is filed already counts; else texts stay as they
            are written (`0012`), and whole numbers of Parquet and JSON are integers.
        withdrawn: which rows say that their transaction is withdrawn; none: no row does.
        is_full: whether each delivery holds all transactions, so that one that is absent is
            withdrawn.
        tables: further tables, whose columns become attributes of transactions.
    """

    format: FormatName = "parquet"
    path: str | None = None
    roles: Roles
    entities: Annotated[dict[CanonicalName, str], Field(default_factory=dict)]
    attributes: Annotated[dict[CanonicalName, Attribute], Field(default_factory=dict)]
    types: Annotated[dict[CanonicalName, KeyType], Field(default_factory=dict)]
    withdrawn: Withdrawn | None = None
    is_full: bool = False
    tables: tuple[JoinedTable, ...] = ()

    def attribute_kinds(self) -> dict[str, AttributeKind]:
        """Attribute name to its kind: own columns, then those of joined tables."""
        kinds = {name: attribute.kind for name, attribute in self.attributes.items()}
        for table in self.tables:
            kinds |= {name: attribute.kind for name, attribute in table.attributes.items()}
        return kinds

    def columns(self) -> dict[str, str]:
        """Canonical name to the source's name, for every column that is read under its own name."""
        named = {
            EVENT_TIME: column_of(self.roles.event_time),
            AMOUNT: self.roles.amount,
        }
        if isinstance(self.roles.transaction_id, str):
            named = {TRANSACTION_ID: self.roles.transaction_id} | named
        if self.roles.known_time is not None:
            named[KNOWN_TIME] = column_of(self.roles.known_time)
        named |= self.entities
        return named | {name: attribute.column for name, attribute in self.attributes.items()}


class Labels(Dialect, Query):
    """The source of labels, and the time at which each is known.

    Two forms. A column of the transactions with a fixed `delay`; or a table of fraud reports
    (`path` or `query`, `transaction_id`, `known_time`) that holds the frauds only. Format, dialect
    and connection of the reports are those of `[source]` where a key is left out. Without
    `[labels]` a night ends with the features; what it filed stays when labels are declared later.

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
        maturity: how long a transaction without a report stays *unknown*; after it, legitimate. To
            be given with either form.
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
    maturity: Duration = timedelta(days=7)

    @property
    def is_declared(self) -> bool:
        """True if the spec says where labels come from."""
        return self.column is not None or self.path is not None or self.query is not None


def column_of(time: str | TimeColumn) -> str:
    """Return the source's name of a column of times."""
    return time if isinstance(time, str) else time.column


def reports_dialect(source: Source, labels: Dialect) -> Dialect:
    """Return the dialect of a further table: its own keys, and the source's where left out."""
    own = {name: getattr(labels, name) for name in Dialect.model_fields}
    given = {name: getattr(source, name) for name in Dialect.model_fields}
    return Dialect(**{name: own[name] if own[name] is not None else given[name] for name in own})
