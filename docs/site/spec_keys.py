"""The table of every key of a spec, made from its models and their docstrings."""

import inspect
import re
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from expectations.contract import format_duration
from pipelines.config import ModelSpec

NAMES = {
    bool: "`true` or `false`", int: "whole number", float: "number", str: "text",
    timedelta: "duration", date: "date", datetime: "date or time",
}  # fmt: skip
GIVEN_BY_FILE = "the file's name"
BOUNDS = ((Ge, "from"), (Gt, "above"), (Le, "to"), (Lt, "below"))


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a spec.

    Attributes:
        header: as it is written in a file, `[source.roles]`; empty for what stands above all.
        model: that reads it.
    """

    header: str
    model: type[BaseModel]

    @property
    def prefix(self) -> str:
        """Begin the dotted names of the keys."""
        return self.header.strip("[]") + "." if self.header else ""


def render() -> str:
    """Every table of a spec as Markdown: a heading, a sentence, a row for each key."""
    return "\n\n".join(_render(table) for table in spec_tables())


def spec_tables() -> list[Table]:
    """All tables of a spec, in the order of the models."""
    return list(_tables("", ModelSpec, lists=False))


def own_keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Fields that are no table of their own, or may be a single value as well."""
    return {
        n: f
        for n, f in model.model_fields.items()
        if _inner(f.annotation) is None or _is_either(f.annotation)
    }


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Field name to what the docstring of the model, or of a base, says of it, on one line."""
    said: dict[str, str] = {}
    for kind in reversed(model.__mro__[: model.__mro__.index(BaseModel)]):
        _, _, listed = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
        for names, text in re.findall(r"^    (\w+(?:, \w+)*): (.*(?:\n {8,}.*)*)", listed, re.M):
            said |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return said


def _tables(path: str, model: type[BaseModel], *, lists: bool) -> Iterator[Table]:
    yield Table(f"[[{path}]]" if lists else f"[{path}]" if path else "", model)
    for name, field in model.model_fields.items():
        inner = _inner(field.annotation)
        if inner is not None:
            kind, nested = inner
            is_table = kind is None or issubclass(kind, Mapping)
            part = f"{path}.{name}".strip(".") + (".NAME" if kind and is_table else "")
            yield from _tables(part, nested, lists=not is_table)


def _inner(annotation: Any) -> tuple[type | None, type[BaseModel]] | None:
    """Return the model that a field holds, with its container."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return None, annotation
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _inner(arguments[0])
    for argument in arguments:
        held = _inner(argument)
        if held is not None:
            is_container = isinstance(origin, type) and issubclass(origin, Collection)
            return (origin if is_container else held[0]), held[1]
    return None


def _is_either(annotation: Any) -> bool:
    """Return True for a field that holds a table or a single value."""
    is_union = get_origin(annotation) in {Union, types.UnionType}
    return is_union and any(
        each is not type(None) and _inner(each) is None for each in get_args(annotation)
    )


def _render(table: Table) -> str:
    said = meanings(table.model)
    rows = [
        f"| `{table.prefix}{name}` | {field_words(field)} "
        f"| {default_words(field)} | {_in_cell(said.get(name, ''))} |"
        for name, field in own_keys(table.model).items()
    ]
    head = ["| key | type | default | meaning |", "|---|---|---|---|"] if rows else []
    title = f"### `{table.header}`" if table.header else "### Above all tables"
    about, _, _ = (inspect.getdoc(table.model) or "").partition("\n\nAttributes:")
    # The heading says that already.
    about = re.sub(r"^`\[+[\w.]+\]+`(?: of a spec)?: (.)", lambda m: m[1].upper(), about)
    return "\n".join([title, "", about, "", *head, *rows])


def _in_cell(text: str) -> str:
    return text.replace("|", "\\|")


def default_words(field: FieldInfo) -> str:
    """Return the default of a key as it is written in a spec.

    >>> default_words(FieldInfo(annotation=float, default=0.5))
    '`0.5`'
    """
    if field.is_required():
        return GIVEN_BY_FILE if field is ModelSpec.model_fields["name"] else "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}):
        return "none"
    if isinstance(value, timedelta):
        return f'`"{format_duration(value)}"`'
    if isinstance(value, datetime):
        return f"`{value:%Y-%m-%d}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def field_words(field: FieldInfo) -> str:
    """Return the type of a key; its choices, where the schema lists them."""
    extra = field.json_schema_extra
    choices = extra.get("enum") if isinstance(extra, dict) else None
    if isinstance(choices, list):
        return " or ".join(f'`"{value}"`' for value in choices)
    return type_words(field.annotation, field.metadata)


def type_words(annotation: Any, rules: Any = ()) -> str:
    """Return the type of a key in words, with its bounds.

    >>> type_words(tuple[timedelta, ...])
    'list of: duration'
    >>> type_words(int | None, [Ge(1)])
    'whole number, from 1'
    """
    return ", ".join(part for part in (_kind(annotation), _bounds(rules)) if part)


def _kind(annotation: Any) -> str:  # noqa: PLR0911 -- one for each type
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_words(arguments[0], arguments[1:])
    if origin is Literal:
        return " or ".join(f'`"{value}"`' for value in arguments)
    if origin in {Union, types.UnionType}:
        return " or ".join(_kind(each) for each in arguments if each is not type(None))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"table of: {_kind(arguments[1])}"
    if isinstance(origin, type) and issubclass(origin, Collection):
        return f"list of: {_kind(arguments[0])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    return NAMES[annotation]


def _bounds(rules: Any) -> str:
    said = []
    for rule in rules:
        for held in (rule, *getattr(rule, "metadata", ())):
            said += [
                f"{word} {getattr(held, kind.__name__.lower())}"
                for kind, word in BOUNDS
                if isinstance(held, kind)
            ]
    return " ".join(said)
