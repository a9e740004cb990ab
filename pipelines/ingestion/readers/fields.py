"""Columns that are read of a table: the source's name, and how its values become canonical."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from expectations.contract import (
    AMOUNT,
    EVENT_TIME,
    KNOWN_TIME,
    LABEL,
    LABEL_STATE,
    TRANSACTION_ID,
    WITHDRAWN,
)
from pipelines.config import (
    ComposedId,
    Dialect,
    JoinedTable,
    ModelSpec,
    TimeColumn,
    column_of,
)
from pipelines.ingestion.readers.canonical import TIMESTAMP
from pipelines.ingestion.readers.composed_ids import hash_values
from pipelines.ingestion.readers.values.keys import key_type_of, read_categories, read_keys
from pipelines.ingestion.readers.values.numbers import read_numbers
from pipelines.ingestion.readers.values.times import read_times

Kind = Literal["key", "time", "number", "flag", "category", "hash"]
_KEY_TYPES = {"text": pa.string(), "integer": pa.int64()}


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a table.

    Attributes:
        name: canonical.
        column: its name in the source.
        kind: `flag` is a number for which words stand, as labels are; `hash` a value that a
            composed id is made of.
        is_required: every file has it; others are null where a file has not.
        time: as the spec names a column of times.
        key_type: of an id, where the lake or the spec decides it; None: the files do.
        is_integer: of a category, where the spec says so.
    """

    name: str
    column: str
    kind: Kind
    is_required: bool = False
    time: str | TimeColumn = ""
    key_type: pa.DataType | None = None
    is_integer: bool = False

    @property
    def type(self) -> pa.DataType:
        """Canonical type; of an id text where nothing decides it."""
        if self.kind == "time":
            return TIMESTAMP
        if self.kind == "key":
            return self.key_type or pa.string()
        if self.kind == "hash":
            return pa.uint64()
        return pa.string() if self.kind == "category" else pa.float64()

    def read(self, values: pa.Array, dialect: Dialect, *, table: str) -> pa.Array:
        """Read values of any type that the role can have.

        Raises:
            UnusableTypeError: for another type.
            UnusableValueError: at the first value that the column cannot have.
        """
        key = f"source.types.{self.name}"
        match self.kind:
            case "key":
                return read_keys(values, self.type, dialect, key=key)
            case "time":
                return read_times(values, dialect, column=self.time, table=table)
            case "hash":
                return hash_values(values)
            case "category":
                return read_categories(values, dialect, is_integer=self.is_integer, key=key)
            case _:
                return read_numbers(values, dialect, table=table, words=self.kind == "flag")


def transaction_fields(spec: ModelSpec, filed: pa.Schema | None) -> list[Field]:
    """List the columns of transactions, in canonical order."""
    source, roles = spec.source, spec.source.roles
    named = roles.transaction_id
    fields = (
        [Field(f"{TRANSACTION_ID}: {c}", c, "hash", is_required=True) for c in named.columns]
        if isinstance(named, ComposedId)
        else [_key(spec, filed, TRANSACTION_ID, named, is_required=True)]
    )
    fields.append(_time(EVENT_TIME, roles.event_time))
    if roles.known_time is not None:
        fields.append(_time(KNOWN_TIME, roles.known_time))
    fields.append(Field(AMOUNT, roles.amount, "number", is_required=True))
    fields += [_key(spec, filed, name, column) for name, column in source.entities.items()]
    for name, attribute in source.attributes.items():
        kind: Kind = "flag" if attribute.kind == "numeric" else "category"
        is_integer = source.types.get(name) == "integer"
        fields.append(Field(name, attribute.column, kind, is_integer=is_integer))
    if spec.labels.column is not None and spec.labels.states:
        fields.append(Field(LABEL_STATE, spec.labels.column, "category"))
    elif spec.labels.column is not None:
        fields.append(Field(LABEL, spec.labels.column, "flag"))
    if source.withdrawn is not None:
        fields.append(Field(WITHDRAWN, source.withdrawn.column, "category"))
    return fields


def report_fields(spec: ModelSpec, filed: pa.Schema | None) -> list[Field]:
    """List the columns of fraud reports."""
    named, known = spec.labels.transaction_id, spec.labels.known_time
    if named is None or known is None:
        return []
    key = _key(spec, filed, TRANSACTION_ID, named, is_required=True)
    fields = [key, _time(KNOWN_TIME, known)]
    if spec.labels.state is not None:
        fields.append(Field(LABEL_STATE, spec.labels.state, "category"))
    return fields


def joined_fields(spec: ModelSpec, table: JoinedTable, keys: pa.Schema) -> list[Field]:
    """List the columns of a joined table; its key has the types that transactions have."""
    types, fields = spec.source.types, []
    for name, column in table.key_columns().items():
        if name in spec.source.attributes:
            is_integer = types.get(name) == "integer"
            fields.append(Field(name, column, "category", is_required=True, is_integer=is_integer))
        else:
            kind = keys.field(name).type
            fields.append(Field(name, column, "key", is_required=True, key_type=kind))
    if table.known_time is not None:
        fields.append(_time(KNOWN_TIME, table.known_time))
    for name, attribute in table.attributes.items():
        kind_of: Kind = "flag" if attribute.kind == "numeric" else "category"
        is_integer = types.get(name) == "integer"
        fields.append(Field(name, attribute.column, kind_of, is_integer=is_integer))
    return fields


def common_key_type(types: Sequence[pa.DataType]) -> pa.DataType | None:
    """Return the type of ids whose files have several: text where one has text.

    Raises:
        UnusableTypeError: when one cannot be an id.
    """
    found = {key_type_of(kind) for kind in types} - {pa.null()}
    if not found:
        return None
    return pa.string() if pa.string() in found else pa.int64()


def filed_type_problems(spec: ModelSpec, filed: pa.Schema | None) -> list[str]:
    """Find types that the spec states otherwise than they are filed."""
    names = [TRANSACTION_ID, *spec.source.entities]
    words = {kind: word for word, kind in _KEY_TYPES.items()}
    return [
        f"source.types.{name}: {spec.source.types[name]!r}, but the lake has {words[kind]}; "
        f"remove it, or give the spec another name and so a lake of its own"
        for name in names
        if name in spec.source.types
        and (kind := _filed_type(filed, name)) not in (None, _KEY_TYPES[spec.source.types[name]])
    ]


def _filed_type(filed: pa.Schema | None, name: str) -> pa.DataType | None:
    if filed is None or name not in filed.names:
        return None
    kind = filed.field(name).type
    return kind if kind in _KEY_TYPES.values() else None


def _key(
    spec: ModelSpec, filed: pa.Schema | None, name: str, column: str, *, is_required: bool = False
) -> Field:
    stated = spec.source.types.get(name)
    kind = _filed_type(filed, name) or (_KEY_TYPES[stated] if stated else None)
    return Field(name, column, "key", is_required=is_required, key_type=kind)


def _time(name: str, given: str | TimeColumn) -> Field:
    return Field(name, column_of(given), "time", is_required=True, time=given)
