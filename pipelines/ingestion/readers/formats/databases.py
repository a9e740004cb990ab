"""Connections to databases through ADBC, read-only; the URI never leaves this module.

A spec names a connection, and the operator sets its URI in the environment, password included.
What a driver says of an error is shown only if no part of the URI that may be secret is in it.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import adbc_driver_sqlite.dbapi
import pyarrow as pa

from pipelines.config import shorten
from pipelines.ingestion.readers.formats.listing import ExplainedError

CONNECTION = "OVERNIGHT_CONNECTION_NAME"
_CONNECT_SECONDS = 30
# A password with one of these signs in it is not told from the other parts.
_WELL_FORMED = re.compile(
    r"postgres(?:ql)?://(?:(?P<user>[^:/@?]+)(?::[^:/@?]*)?@)?(?P<host>[\w.-]+)(?::(?P<port>\d+))?"
    r"/?(?P<name>[\w-]*)(?:\?[^@]*)?"
)
_OPTIONS = ("connect_timeout", "sslmode", "require", "options", "postgresql", "postgres")
_FAILURES = (adbc_driver_manager.Error, pa.ArrowException, OSError)
# By the database's code, or by its words where an error comes between rows, without a code.
_REMEDIES: Mapping[str, str] = {
    "statement timeout": "make the query faster, or the connection's statement_timeout longer",
    "read-only transaction": "the query may only read: take out what writes",
    "42501": "grant the connection's user SELECT on what the query reads",
    "42703": "correct the column, or the query",
    "42P01": "correct the table, or the query",
    "42601": "correct the query",
}


@dataclass(frozen=True, slots=True)
class Database:
    """A database that a connection names.

    Attributes:
        connection: its name in the spec.
        kind: `postgres` or `sqlite`, as sqlglot names their SQL.
    """

    connection: str
    kind: str

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """Open a cursor that cannot write; all that it reads is of one moment.

        Raises:
            ExplainedError: when the database cannot be reached, or refuses what is asked.
        """
        uri = _uri(self.connection)
        with self.explaining(), _connect(self.kind, uri) as connection:
            with connection.cursor() as cursor:
                if self.kind == "postgres":
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                else:
                    cursor.execute("PRAGMA query_only = 1")
                yield cursor
            connection.rollback()

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Turn errors of the driver into ones with a remedy and without secrets."""
        try:
            yield
        except ExplainedError:
            raise
        except _FAILURES as error:
            state = getattr(error, "sqlstate", None) or ""
            said = _without_secrets(str(error), _uri(self.connection))
            found = [remedy for key, remedy in _REMEDIES.items() if key == state or key in said]
            if found:
                remedy = found[0]
            elif "connect" in said or "open" in said:
                remedy = f"start the database, or correct {variable_of(self.connection)}"
            else:
                remedy = "correct the query, or its data"
            raise ExplainedError(f"{said}; {remedy}") from None


def find_database(connection: str) -> Database:
    """Find the database of a connection.

    Raises:
        ExplainedError: when its variable is not set, or names no database that can be read.
    """
    scheme = _uri(connection).partition(":")[0]
    kinds = {"postgresql": "postgres", "postgres": "postgres", "sqlite": "sqlite"}
    if scheme not in kinds:
        raise ExplainedError(
            f"{variable_of(connection)} is no URI of a database that can be read; give one that "
            "begins with postgresql:// or sqlite:///"
        )
    return Database(connection, kinds[scheme])


def variable_of(connection: str) -> str:
    """Return the variable that has the URI of a connection."""
    return CONNECTION.removesuffix("NAME") + connection.upper()


def _uri(connection: str) -> str:
    name = variable_of(connection)
    uri = os.environ.get(name)
    if not uri:
        raise ExplainedError(f"{name} is not set; set it to the URI of the database")
    return uri


def _connect(kind: str, uri: str) -> Any:
    if kind == "sqlite":
        return adbc_driver_sqlite.dbapi.connect(f"file:{quote(_absolute(uri))}?mode=ro")
    if "connect_timeout" not in uri:  # libpq waits without an end
        mark = "&" if "?" in uri else "?"
        uri = f"{uri}{mark}connect_timeout={_CONNECT_SECONDS}"
    return adbc_driver_postgresql.dbapi.connect(uri, autocommit=False)


def _absolute(uri: str) -> str:
    """Return the path of SQLAlchemy's form of a SQLite URI, `sqlite:////data/bank.db`."""
    return unquote(uri.partition("?")[0].removeprefix("sqlite:///"))


def _without_secrets(said: str, uri: str) -> str:
    """Return the first line of an error, unless a part of the URI that may be secret is in it."""
    first = re.split(r"\n|Query was:", said)[0].strip()
    first = re.sub(r"^([A-Z_]+: )?(\[\w+\] )?(Execution error \[\w+\]: )?", "", first).rstrip(".")
    if uri.startswith("sqlite:"):  # which has no password
        return shorten(first)
    plain = _WELL_FORMED.fullmatch(uri)
    shown = {"", *_OPTIONS, *(plain.group("user", "host", "port", "name") if plain else ())}
    parts = {part for text in (uri, unquote(uri)) for part in re.split(r"[:/@?&=\s]", text)}
    if any(part in first for part in parts - shown):
        return "the driver's message is not shown, as it has a part of the connection in it"
    return shorten(first)
