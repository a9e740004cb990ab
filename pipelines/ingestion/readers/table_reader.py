"""Reads a table of a source, transactions or reports, file by file into canonical columns."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

import msgspec
import pyarrow as pa

from expectations.contract import refuse_any
from pipelines.config import LONGEST_NAME, Dialect, explain_unreadable, shorten
from pipelines.ingestion.readers.canonical import with_known_time
from pipelines.ingestion.readers.composed_ids import IdComposer, with_ids
from pipelines.ingestion.readers.fields import Field, common_key_type
from pipelines.ingestion.readers.formats.delta_tables import DELETED
from pipelines.ingestion.readers.formats.listing import (
    ExplainedError,
    Listing,
    Position,
    SourceFile,
    name_of,
)
from pipelines.ingestion.readers.formats.registry import FORMATS, Format
from pipelines.ingestion.readers.formats.text_stream import EncodingError
from pipelines.ingestion.readers.values.unusable import UnusableTypeError, UnusableValueError

# Values of a batch: of 400 columns, 80,000 rows are 256 MB.
_MAX_CELLS = 32_000_000
_SAMPLE = 10_000
_UNREADABLE = (pa.ArrowException, msgspec.MsgspecError, ValueError, OSError)

log = logging.getLogger(__name__)


class TableReader:
    """Reads the files of one table of a source.

    Attributes:
        address: of the source, as the spec has it.
        name: the last part of it, for messages.
    """

    def __init__(
        self,
        fields: Sequence[Field],
        *,
        address: str,
        form: str,
        dialect: Dialect,
        table: str,
        spec_name: str,
        problems: Sequence[str] = (),
        reads: Format | None = None,
    ) -> None:
        self.address, self.name = address, name_of(address)
        self._fields, self._dialect = list(fields), dialect
        self._form, self._format = form, reads or FORMATS[form]
        self._key = f"{table}.{'query' if form == 'query' else 'path'}"
        self._table, self._where = table, f"the source of {spec_name}"
        self._declared_problems = list(problems)
        self._listed: Listing | None = None
        self._schemas: dict[str, pa.Schema] = {}
        self._own_names: dict[str, list[str]] = {}
        self._decided: list[Field] | None = None

    def files(self, *, since: Position | None = None) -> list[SourceFile]:
        """List the files, sorted by name; files that are no data are named in the log.

        Of a Delta table or a query these are the units since a position. The first list counts.
        """
        if self._listed is None:
            self._listed = self._format.files(self.address, key=self._key, since=since)
            if self._listed.left_out:
                log.info(
                    "Left out of %s, as no %s data: %s", self.name, self._form,
                    shorten(", ".join(self._listed.left_out)),
                )  # fmt: skip
        return list(self._listed.files)

    def problems(self, files: Sequence[SourceFile]) -> list[str]:
        """Find everything that is wrong with the address and the schemas of files.

        Rows are read only when something is wrong: the first ones, for what else is.
        """
        self.files()
        listed = [] if self._listed is None else self._listed.problems
        problems = [*self._declared_problems, *listed]
        schemas: dict[str, pa.Schema] = {}
        for file in files:
            try:
                schema = self._schema(file)
            except _UNREADABLE as error:
                problems.append(self._unreadable(file, error))
                continue
            mark = self._other_delimiter(schema.names)
            if mark is None:
                schemas[file.name] = schema
            else:
                problems.append(
                    f"{file.name}: one column, {shorten(schema.names[0], LONGEST_NAME)!r}; state "
                    f'{self._table}.delimiter = "{mark}"'
                )
        readable = [file for file in files if file.name in schemas]
        asked = {file.name for file in files}
        for field in self._fields if readable else ():
            problems += self._column_problems(field, readable, asked)
        if problems and readable:
            problems += self._first_values(readable[0])
        return list(dict.fromkeys(problems))

    def batches(self, file: SourceFile, *, rows: int = 1_000_000) -> Iterator[pa.Table]:
        """Read a file in canonical columns, at most `rows` rows at a time, in its own order.

        Raises:
            ProblemsError: on the first batch with values that their columns cannot have, naming the
                first such value of each column; or when the file cannot be read to its end.
        """
        fields, done, composer = self._typed_fields(), 0, IdComposer()
        hashed = _hashed(fields)
        given = self._own_columns(fields, file)
        most = min(rows, max(_MAX_CELLS // max(len(fields), 1), 1))
        read = self._format.batches(file, self._dialect, columns=given, rows=most)
        with closing(read):  # an error keeps it in its traceback, a connection with it
            while True:
                try:
                    batch = next(read, None)
                except _UNREADABLE as error:
                    refuse_any(self._where, [self._unreadable(file, error, " to its end")])
                    raise  # not reached
                if batch is None:
                    return
                columns, problems = self._canonical(batch, fields, file, done)
                refuse_any(self._where, problems)
                if DELETED in batch.schema.names:
                    columns[DELETED] = batch.column(DELETED)
                yield with_known_time(with_ids(columns, hashed, composer))
                done += batch.num_rows

    def empty(self) -> pa.Table:
        """Return a table without rows in the canonical columns."""
        fields = self._typed_fields()
        columns = {f.name: pa.array([], f.type) for f in fields}
        return with_known_time(with_ids(columns, _hashed(fields), IdComposer()))

    def _schema(self, file: SourceFile) -> pa.Schema:
        """Read the names and types of a file once, columns of its folders included."""
        if file.name not in self._schemas:
            columns = [field.column for field in self._fields]
            schema = self._format.schema(file, self._dialect, columns=columns)
            self._own_names[file.name] = schema.names
            for name in file.partitions():
                if name not in schema.names:
                    schema = schema.append(pa.field(name, pa.string()))
            self._schemas[file.name] = schema
        return self._schemas[file.name]

    def _own_columns(self, fields: Sequence[Field], file: SourceFile) -> list[str]:
        """List the columns of fields that stand in the file itself, each once."""
        self._schema(file)
        own = self._own_names[file.name]
        return list(dict.fromkeys(field.column for field in fields if field.column in own))

    def _typed_fields(self) -> list[Field]:
        """Return the fields; where nothing decides the type of an id, all files do."""
        if self._decided is None:
            self._decided = [
                replace(field, key_type=common_key_type(self._types_of(field)))
                if field.kind == "key" and field.key_type is None
                else field
                for field in self._fields
            ]
        return self._decided

    def _types_of(self, field: Field) -> list[pa.DataType]:
        schemas = [self._schema(file) for file in self.files()]
        return [s.field(field.column).type for s in schemas if s.names.count(field.column) == 1]

    def _column_problems(
        self, field: Field, files: Sequence[SourceFile], asked: set[str]
    ) -> list[str]:
        problems, absent = [], []
        for file in files:
            schema = self._schema(file)
            if schema.names.count(field.column) > 1:
                problems.append(
                    f"{file.name}: column {field.column!r} stands twice; deliver it once"
                )
            elif field.column not in schema.names:
                absent.append(file)
            else:
                problems += self._type_problems(field, file, schema)
        is_nowhere = len(absent) == len(files) and not self._is_in_other(field, asked)
        if absent and (field.is_required or is_nowhere):
            names = self._schema(absent[0]).names
            has = ", ".join(shorten(name, LONGEST_NAME) for name in names[:20])
            where = absent[0].name if len(absent) == 1 else f"{len(absent)} files"
            problems.append(
                f"{where}: no column {field.column!r} for {field.name}; the file has {has}"
            )
        return problems

    def _type_problems(self, field: Field, file: SourceFile, schema: pa.Schema) -> list[str]:
        try:
            kind = schema.field(field.column).type
            field.read(pa.array([], kind), self._dialect, table=self._table)
        except UnusableTypeError:
            try:
                field.read(self._sample(field, file), self._dialect, table=self._table)
            except (UnusableTypeError, UnusableValueError, *_UNREADABLE) as error:
                return [f"{file.name}: column {field.column!r} cannot be {field.name}: {error}"]
        return []

    def _sample(self, field: Field, file: SourceFile) -> pa.Array:
        """Read the first values of a column: they tell which unit numbers have."""
        batch = self._first_batch(file, [field.column])
        kind = self._schema(file).field(field.column).type
        return pa.array([], kind) if batch is None else batch.column(0)

    def _first_batch(self, file: SourceFile, columns: list[str]) -> pa.RecordBatch | None:
        with closing(
            self._format.batches(file, self._dialect, columns=columns, rows=_SAMPLE)
        ) as read:
            return next(read, None)

    def _is_in_other(self, field: Field, asked: set[str]) -> bool:
        """Return True if a file that was not asked about has the column."""
        for file in reversed(self.files()):
            try:
                if file.name not in asked and field.column in self._schema(file).names:
                    return True
            except _UNREADABLE:
                continue  # its own problem, once it is read
        return False

    def _other_delimiter(self, names: Sequence[str]) -> str | None:
        """Return what seems to part the cells of a header that was read as one."""
        if self._form != "csv" or len(names) != 1 or names[0] in {f.column for f in self._fields}:
            return None
        return next((mark for mark in ";\t|," if mark in names[0]), None)

    def _first_values(self, file: SourceFile) -> list[str]:
        """Find the problems of the first values of a file."""
        names = self._schema(file).names
        fields = [field for field in self._fields if names.count(field.column) == 1]
        own = self._own_columns(fields, file)
        try:
            batch = self._first_batch(file, own)
        except _UNREADABLE:
            return []
        return [] if batch is None else self._canonical(batch, fields, file, 0)[1]

    def _canonical(
        self, batch: pa.RecordBatch, fields: Sequence[Field], file: SourceFile, done: int
    ) -> tuple[dict[str, pa.Array], list[str]]:
        """Read the values of a batch; also return the problems of those that cannot be read."""
        partitions = file.partitions()
        given = dict(zip(batch.schema.names, batch.columns, strict=True))
        columns: dict[str, pa.Array] = {}
        problems = []
        for field in fields:
            if field.column in given:
                values = given[field.column]
            else:
                text = pa.scalar(partitions.get(field.column), pa.string())
                values = pa.repeat(text, batch.num_rows)
            try:
                columns[field.name] = field.read(values, self._dialect, table=self._table)
            except UnusableValueError as error:
                row = done + error.position + 1
                place = self._format.place(file, self._dialect, row)
                problems.append(
                    f"{file.name}: {self._format.row_word} {place}, column {field.column!r} cannot "
                    f"be {field.name}: {error.reason}"
                )
            except (UnusableTypeError, pa.ArrowException) as error:
                reason = explain_unreadable(error, self.address)
                problems.append(
                    f"{file.name}: column {field.column!r} cannot be {field.name}: {reason}"
                )
        return columns, problems

    def _unreadable(self, file: SourceFile, error: Exception, said: str = "") -> str:
        reason = explain_unreadable(error, self.address)
        remedy = "deliver it again"
        if isinstance(error, EncodingError):
            remedy = f'state {self._table}.encoding, such as "cp1252"'
        name = "" if file.name == self.name else f": {file.name}"
        where = f"{self._key}: {self.address}{name}"
        if isinstance(error, ExplainedError):
            return f"{where} cannot be read as {self._form}{said}: {error}"
        return f"{where} cannot be read as {self._form}{said}: {reason}; {remedy}"


def _hashed(fields: Sequence[Field]) -> list[str]:
    return [field.name for field in fields if field.kind == "hash"]
