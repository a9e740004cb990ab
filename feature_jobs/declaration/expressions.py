"""Rules of expressions: columns and functions that one may name, and the kinds of its parts.

`sql` is the face of this module: sqlglot is loaded only when a spec has an expression.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from itertools import chain

from sqlglot import Token, exp

from feature_jobs.declaration.grammar import (
    KINDS,
    is_plain_cast,
    is_plain_type,
    is_read_alike,
    makes_text,
    parse,
    write,
)
from feature_jobs.declaration.spark_functions import (
    ALLOWED,
    ANOTHER_RUN,
    BARE,
    MANY_ROWS,
    REASONS,
    refusal,
)
from feature_jobs.declaration.tokens import PARAMETER, UnreadableError, is_text, shown

SHOWN_COLUMNS = 12

_LIKE, _OF_SEVERAL = {"like", "ilike"}, {"all", "any", "some"}
_QUERY = "is part of a query, and an expression reads one row; leave it out"
# Spark takes such a text for the clock wherever it wants a date or a timestamp; of a time of day
# it takes today. It drops blanks and control characters around it.
_CLOCK = re.compile(
    r"[\s\x00-\x20\x7f-\xa0]*((epoch|now|today|tomorrow|yesterday)(?![^\W\d_])|t?\d{1,2}:\d).*",
    re.IGNORECASE | re.DOTALL,
)
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?( ?(Z|UTC|[+-]\d\d:\d\d))?)?"
)


def find_errors(sql: str, *, columns: Collection[str], forbidden: Mapping[str, str]) -> list[str]:
    """Return the errors of one expression; see `sql.validate_expression`."""
    reasons = {name.lower(): f"{reason}; leave it out" for name, reason in forbidden.items()}
    known = {name.lower(): name for name in columns if name.lower() not in reasons}
    try:
        tokens, tree = parse(sql)
    except UnreadableError as error:
        return [f"position {error.start + 1}: {error}"]
    found: dict[int, str] = {}
    for start, problem in chain(
        _name_errors(tokens, known, reasons),
        _shape_errors(tokens, tree),
        _column_errors(tree, known, reasons),
        _constant_errors(tree),
    ):
        found.setdefault(start, problem)
    if not found:
        found = dict(_kind_errors(tree))
    return [f"position {start + 1}: {found[start]}" for start in sorted(found)]


def generate(sql: str) -> str:
    """Write an expression anew for Spark; see `sql.generated`."""
    problems = find_errors(sql, columns=read_columns(sql), forbidden={})
    if problems:
        raise ValueError("; ".join(problems))
    return write(parse(sql)[1])


def read_columns(sql: str) -> list[str]:
    """List the columns that an expression reads; see `sql.referenced_columns`."""
    found: dict[str, str] = {}
    for column in sorted(_columns(parse(sql)[1]), key=_start):
        found.setdefault(column.name.lower(), column.name)
    return list(found.values())


def _name_errors(
    tokens: tuple[Token, ...], known: Collection[str], reasons: Mapping[str, str]
) -> Iterator[tuple[int, str]]:
    """Check names by token: in the tree some columns are units or texts, some functions others."""
    names = [token.text.lower() for token in tokens]
    for index, (token, name) in enumerate(zip(tokens, names, strict=True)):
        before = names[index - 1] if index else ""
        after = names[index + 1 : index + 3]
        if is_text(token):
            if _CLOCK.fullmatch(name):
                yield token.start, f"{shown(token.text)} can stand for the clock; leave it out"
        elif after[:1] == ["("]:
            if [name, *after] == ["unix_timestamp", "(", ")"]:
                yield token.start, f"{name}() {ANOTHER_RUN}"
            elif name in REASONS and not (before in _LIKE and name in _OF_SEVERAL):
                yield token.start, f"{name}() {REASONS[name]}"
        elif name in reasons and token.token_type.name in {"VAR", "IDENTIFIER"}:
            yield token.start, f"{shown(token.text)} {reasons[name]}"
        elif name in BARE and name not in known and before != ".":
            yield token.start, f"{name} {ANOTHER_RUN}"


def _shape_errors(tokens: tuple[Token, ...], tree: exp.Expr) -> Iterator[tuple[int, str]]:
    """Find calls that are not allowed, and parts that are not of one row's expression."""
    nodes = list(tree.walk())
    # These nodes do not know where they stand; their words do.
    for kinds, words, problem in (
        (exp.Query, {"SELECT", "VALUES"}, _QUERY),
        (exp.Window, {"OVER"}, MANY_ROWS),
        ((exp.Placeholder, exp.Parameter), set("?:@${"), PARAMETER),
    ):
        if any(isinstance(node, kinds) for node in nodes):
            for token in tokens:
                if token.text.upper() in words and not is_text(token):
                    yield token.start, f"{shown(token.text)} {problem}"
    for node in nodes:
        if isinstance(node, exp.Star) and not _is_call_of(node.parent, "count"):
            yield _start(node), "'*' stands for many columns; name one"
        elif isinstance(node, exp.Alias) and not _is_call_of(node.parent, "struct"):
            yield _start(node.args["alias"]), f"{shown(node.alias)} is an alias; leave it out"
        elif isinstance(node, exp.Anonymous) and node.name.lower() not in ALLOWED:
            yield _at(node), f"{node.name.lower()}() {refusal(node.name.lower())}"


def _kind_errors(tree: exp.Expr) -> Iterator[tuple[int, str]]:
    """Find parts that are not in the grammar, in a tree without other errors."""
    found = False
    for node in tree.walk():
        problem = _kind_error(node)
        if problem is None and makes_text(node) and not any(_columns(node)):
            problem = "constant texts put together; write the text itself"
        if problem is not None:
            found = True
            yield _at(node), problem
    if not found and not is_read_alike(tree):
        yield 0, "can be read in two ways; put parentheses around its parts"


def _kind_error(node: exp.Expr) -> str | None:

    if isinstance(node, exp.Any | exp.All | exp.Tuple):
        is_pattern = node.find_ancestor(exp.Like, exp.ILike) is not None
        return None if is_pattern else "several values in parentheses; write one expression"
    if not isinstance(node, (*KINDS, exp.Alias)):
        return f"{type(node).__name__} is no part of an expression; leave it out"
    problem = None
    if isinstance(node, exp.Anonymous) and not isinstance(node.this, str):
        problem = f"{shown(node.name)} is a name in quotes; write the function's name"
    elif isinstance(node, exp.Dot) and not isinstance(node.expression, exp.Identifier):
        problem = f"{shown(node.expression.name)} has a dot before it; write the function's name"
    elif isinstance(node, exp.Cast) and not is_plain_cast(node):
        problem = "a cast takes no more than a type; leave the rest out"
    elif type(node) is exp.DataType and not is_plain_type(node):
        problem = f"{shown(str(node))} is no type to cast to; write double or string"
    return problem


def _constant_errors(tree: exp.Expr) -> Iterator[tuple[int, str]]:
    """Find texts cast to a time that are none: the cast makes a null of them."""
    for cast in tree.find_all(exp.Cast):
        value = cast.this
        if value.is_string and cast.to.this.name.startswith(("DATE", "TIMESTAMP")):  # noqa: SIM102
            if not _MOMENT.fullmatch(value.name):
                yield (
                    _start(value),
                    (
                        f"{shown(value.name)} is no date or time; write it as 2025-01-31 or "
                        "2025-01-31 12:00:00"
                    ),
                )


def _column_errors(
    tree: exp.Expr, known: Mapping[str, str], reasons: Mapping[str, str]
) -> Iterator[tuple[int, str]]:

    @cache
    def unknown(name: str) -> str:
        near = get_close_matches(name.lower(), known, n=1)
        if near:
            return f"no column {shown(name)}; did you mean {known[near[0]]!r}?"
        names = sorted(known.values())
        more = f" and {len(names) - SHOWN_COLUMNS} more" if len(names) > SHOWN_COLUMNS else ""
        listed = ", ".join(names[:SHOWN_COLUMNS]) or "none"
        return f"no column {shown(name)}; the columns are {listed}{more}"

    for column in _columns(tree):
        names = [part.name for part in column.parts]
        refused = [part for part in column.parts if part.name.lower() in reasons]
        for part in refused:
            yield _start(part), f"{shown(part.name)} {reasons[part.name.lower()]}"
        if refused:
            continue
        if len(names) > 1:
            yield _start(column), f"{shown('.'.join(names))} has a dot; write one column's name"
        elif names[0].lower() not in known:
            yield _start(column), unknown(names[0])
        elif not names[0].isascii() and not column.this.args.get("quoted"):
            yield _start(column), f"{shown(names[0])} needs backquotes: `{names[0]}`"


def _columns(tree: exp.Expr) -> Iterator[exp.Column]:
    """Yield the columns of the row; not those of a subquery, which is refused as a whole."""
    for node in tree.walk(prune=lambda node: isinstance(node, exp.Query)):
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            yield node


def _is_call_of(node: exp.Expr | None, name: str) -> bool:

    return isinstance(node, exp.Anonymous) and node.name.lower() == name


def _at(node: exp.Expr) -> int:
    """Return the position of a node, or of the first of its parts."""
    return int(node.meta.get("start", _start(node)))


def _start(node: exp.Expr) -> int:
    return min((part.meta["start"] for part in node.walk() if "start" in part.meta), default=0)
