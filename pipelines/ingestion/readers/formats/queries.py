"""Reads the rows of a query through ADBC, all of them or those that changed.

The author's query is a subquery of ours, in a transaction that cannot write. Values that a night
asks for are bound, never written into the text.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError

from pipelines.config import Dialect
from pipelines.ingestion.readers.formats.databases import Database, find_database
from pipelines.ingestion.readers.formats.listing import (
    ExplainedError,
    Listing,
    Position,
    SourceFile,
)

_SINCE = "overnight.since"
_TYPES = {"int": "bigint", "zoned": "timestamptz", "local": "timestamp", "date": "date"}
_AHEAD = timedelta(days=1)
_SAMPLE = 1_000


@dataclass(frozen=True, slots=True)
class QueryFormat:
    """Rows of a query.

    Attributes:
        query: one SELECT.
        connection: name of its database.
        incremental: column that grows with every change; None: all rows are read.
        overlap: how far below the greatest value read to ask again.
        table: of the spec, for messages.
    """

    query: str
    connection: str
    incremental: str | None = None
    overlap: timedelta | int | None = None
    table: str = "source"

    endings: ClassVar[tuple[str, ...]] = ()
    row_word: ClassVar[str] = "row"

    def files(self, address: str, *, key: str, since: Position | None) -> Listing:
        """Ask up to where there are rows since a position; without one, all of them."""
        del address
        asked_at = datetime.now(UTC)
        try:
            database = find_database(self.connection)
            with database.cursor() as cursor:
                text = self._subquery(database)
                schema = _schema_of(cursor, text, database)
                until = self._greatest(
                    cursor, text, database, schema=schema, since=since, now=asked_at
                )
        except ExplainedError as error:
            has_key = str(error).startswith(f"{self.table}.")
            return Listing(problems=[str(error) if has_key else f"{key}: {error}"])
        name = f"{self.connection} query" + (f" up to {until}" if until else "")
        unit = SourceFile(
            name, "" if since is None else since.until, 0, asked_at, kind="query",
            position=Position(until or ""),
            is_whole=since is None or self.incremental is None, schema=schema,
        )  # fmt: skip
        return Listing([unit])

    def schema(self, file: SourceFile, dialect: Dialect, *, columns: Sequence[str]) -> pa.Schema:
        """Return the columns of the query."""
        del dialect, columns
        return file.schema or pa.schema([])

    def batches(
        self, file: SourceFile, dialect: Dialect, *, columns: Sequence[str], rows: int
    ) -> Generator[pa.RecordBatch]:
        """Read columns of the rows, as the database sends them."""
        database = find_database(self.connection)
        with database.cursor() as cursor:
            wanted = ", ".join(_quoted(name) for name in columns) or "1"
            text = f"SELECT {wanted} {self._subquery(database)}"
            since = file.address if self.incremental and not file.is_whole else ""
            kind = _kind_of(file.schema, self.incremental) if since else ""
            self._ask(cursor, text, database, since=since, kind=kind)
            for batch in _fetch(cursor, database):
                for start in range(0, batch.num_rows, rows):
                    yield _plain(batch.slice(start, rows), dialect, database)

    def place(self, file: SourceFile, dialect: Dialect, row: int) -> int:
        """Return the row in the order in which the database sent it."""
        del file, dialect
        return row

    def _subquery(self, database: Database) -> str:
        """Return the FROM clause with the query, refusing everything but one SELECT."""
        key = f"{self.table}.query"
        try:
            parsed = sqlglot.parse(self.query, read=database.kind)
            tokens = sqlglot.tokenize(self.query, read=database.kind)
        except SqlglotError as error:
            reason = str(error).splitlines()[0]
            raise ExplainedError(
                f"{key}: cannot be parsed: {reason}; correct it, or make it a view and select from "
                "that"
            ) from error
        ends = [at for at, token in enumerate(tokens) if token.token_type == TokenType.SEMICOLON]
        statements = [each for each in parsed if not isinstance(each, exp.Semicolon | None)]
        is_one = len(statements) == 1 and (not ends or ends == [len(tokens) - 1])
        if not is_one or not isinstance(statements[0], exp.Query):
            raise ExplainedError(f"{key}: has to be one SELECT; take out everything else")
        text = self.query[: tokens[ends[0]].start] if ends else self.query
        return f"FROM (\n{text}\n) AS delivered"

    def _greatest(
        self, cursor: Any, text: str, database: Database, *, schema: pa.Schema,
        since: Position | None, now: datetime,
    ) -> str | None:  # fmt: skip
        """Ask for the greatest value of the incremental column; None without one.

        Raises:
            ExplainedError: when the column is absent, of a type without an order, or in the future.
        """
        if self.incremental is None:
            return None
        kind = self._incremental_kind(schema, database)
        last = "" if since is None else since.until
        named = _quoted(self.incremental)
        self._ask(
            cursor, f"SELECT max({named}) AS greatest {text}", database, since=last, kind=kind
        )
        with suppress(StopIteration), database.explaining():
            value = self._python(next(_fetch(cursor, database)).column(0)[0])
            if value is None:
                return last
            is_ahead = (
                isinstance(value, datetime)
                and (value if value.tzinfo else value.replace(tzinfo=UTC)) > now + _AHEAD
            )
            if is_ahead:
                raise ExplainedError(
                    f"{self.table}.incremental: the greatest {self.incremental} is {value}, which "
                    "lies ahead, so that no later change would be read; correct that row, or leave "
                    "it out of the query"
                )
            written = value.isoformat() if isinstance(value, date) else str(value)
            return written if not last else _later(written, last, kind)
        return last

    def _python(self, value: pa.Scalar) -> Any:
        try:
            return value.as_py()
        except (OverflowError, ValueError) as error:
            raise ExplainedError(
                f"{self.table}.incremental: the greatest {self.incremental} is no time that can be "
                "told, such as infinity; correct that row, or leave it out of the query"
            ) from error

    def _incremental_kind(self, schema: pa.Schema, database: Database) -> str:
        key = f"{self.table}.incremental"
        if self.incremental not in schema.names:
            raise ExplainedError(
                f"{key}: no column {self.incremental!r}; the query has {', '.join(schema.names)}"
            )
        kind = _kind_of(schema, self.incremental)
        allowed = {*_TYPES, *(("text",) if database.kind == "sqlite" else ()), "none"}
        if kind not in allowed:
            raise ExplainedError(
                f"{key}: {self.incremental!r} is {schema.field(self.incremental).type}; cast it to "
                "a timestamp, a date or a bigint in the query"
            )
        is_time = kind in ("zoned", "local", "date")
        fits = is_time if isinstance(self.overlap, timedelta) else kind == "int"
        if self.overlap is not None and kind != "none" and not fits:
            raise ExplainedError(
                f"{self.table}.overlap: {self.incremental!r} is "
                f"{schema.field(self.incremental).type}; give a duration for times, a number for "
                "whole numbers, none for text"
            )
        return kind

    def _ask(self, cursor: Any, text: str, database: Database, *, since: str, kind: str) -> None:
        """Execute a statement about the rows since a value; of all rows where that is empty."""
        with database.explaining():
            if not since or self.incremental is None:
                cursor.execute(text)
                return
            bound, named = _less(since, self.overlap, kind), _quoted(self.incremental)
            if database.kind == "sqlite":
                is_whole_number = kind in ("int", "none") and bound.lstrip("-").isdigit()
                value = int(bound) if is_whole_number else bound
                cursor.execute(f"{text} WHERE {named} >= ? OR {named} IS NULL", (value,))
                return
            # A statement with parameters comes in one batch, however large; one without streams.
            cursor.execute("SELECT set_config($1, $2, true)", (_SINCE, bound))
            cursor.fetchall()
            least = f"current_setting('{_SINCE}')::{_TYPES[kind]}"
            cursor.execute(f"{text} WHERE {named} >= {least} OR {named} IS NULL")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _schema_of(cursor: Any, text: str, database: Database) -> pa.Schema:
    """Ask for the columns; SQLite has types of values only."""
    limit = _SAMPLE if database.kind == "sqlite" else 0
    with database.explaining():
        cursor.execute(f"SELECT * {text} LIMIT {limit}")
        rows = cursor.fetch_arrow_table()
    if database.kind != "sqlite":
        return rows.schema
    return pa.schema(
        [
            pa.field(f.name, pa.null() if rows[f.name].null_count == rows.num_rows else f.type)
            for f in rows.schema
        ]
    )


def _fetch(cursor: Any, database: Database) -> Iterator[pa.RecordBatch]:
    with database.explaining():
        yield from cursor.fetch_record_batch()


def _plain(batch: pa.RecordBatch, dialect: Dialect, database: Database) -> pa.RecordBatch:
    """Write decimals as numbers in the dialect; columns of nothing in SQLite have no type."""
    arrays = []
    for values in batch.columns:
        kind = values.type
        if getattr(kind, "type_name", None) == "numeric":
            values = values.storage.cast(pa.string())  # noqa: PLW2901
            if dialect.decimal_mark == ",":
                values = pc.replace_substring(values, ".", ",")  # noqa: PLW2901
        elif database.kind == "sqlite" and values.null_count == len(values):
            values = pa.nulls(len(values))  # noqa: PLW2901
        arrays.append(values)
    return pa.record_batch(arrays, names=batch.schema.names)


def _kind_of(schema: pa.Schema | None, column: str | None) -> str:
    """Name the kind of an incremental column; empty for one that has no order."""
    if schema is None or column is None or column not in schema.names:
        return ""
    kind = schema.field(column).type
    if pa.types.is_null(kind):
        return "none"
    if pa.types.is_timestamp(kind):
        return "local" if kind.tz is None else "zoned"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_integer(kind):
        return "int"
    return "text" if pa.types.is_string(kind) else ""


def _less(value: str, overlap: timedelta | int | None, kind: str) -> str:
    """Return the value from which a night asks."""
    if isinstance(overlap, timedelta) and kind in ("zoned", "local", "date"):
        at = datetime.fromisoformat(value) - overlap
        return at.date().isoformat() if kind == "date" else at.isoformat()
    if isinstance(overlap, int) and kind == "int":
        return str(int(value) - overlap)
    return value


def _later(value: str, last: str, kind: str) -> str:
    """Return the greater of two values; rows that were deleted since do not set it back."""
    if kind == "int":
        return max(value, last, key=int)
    if kind in ("zoned", "local", "date"):
        return max(value, last, key=datetime.fromisoformat)
    return max(value, last)
