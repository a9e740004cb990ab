"""Subset of Spark SQL for expressions: parsing, and writing the parsed tree for Spark.

Spark gets the text made of the tree that was checked, never the one that was typed, so nothing can
be seen by one of them only. Loaded lazily: sqlglot is no part of reading a spec without features.
"""

import re
from functools import lru_cache
from typing import ClassVar

from sqlglot import Token, exp
from sqlglot.dialects.spark import Spark
from sqlglot.errors import ParseError, TokenError
from sqlglot.generators.spark import SparkGenerator
from sqlglot.parsers.spark import SparkParser

from feature_jobs.declaration.spark_functions import MAKE_TEXTS, UNITS, WITH_UNITS
from feature_jobs.declaration.tokens import UnreadableError, refuse_layout, shown

MAX_LETTERS = 10_000
_SIZED = {"DECIMAL", "ARRAY", "MAP", "STRUCT"}
# By their own syntax, beside plain calls; the rest of what sqlglot knows it rewrites.
_SYNTAX = {"CAST", "TRY_CAST", "EXTRACT", "OVERLAY", "POSITION", "SUBSTR", "SUBSTRING", "TRIM"}

KINDS = (
    exp.Add, exp.And, exp.Anonymous, exp.Between, exp.BitwiseAnd, exp.BitwiseNot, exp.BitwiseOr,
    exp.BitwiseXor, exp.Boolean, exp.Bracket, exp.Case, exp.Cast, exp.Column, exp.ColumnDef,
    exp.DPipe, exp.DataType, exp.DataTypeParam, exp.Div, exp.Dot, exp.EQ, exp.Escape, exp.Extract,
    exp.GT, exp.GTE, exp.ILike, exp.Identifier, exp.If, exp.In, exp.IntDiv, exp.Interval,
    exp.IntervalSpan, exp.Is, exp.Kwarg, exp.LT, exp.LTE, exp.Lambda, exp.Like, exp.Literal,
    exp.Mod, exp.Mul, exp.NEQ, exp.Neg, exp.Not, exp.Null, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Or,
    exp.Overlay, exp.Paren, exp.RawString, exp.RegexpLike, exp.StrPosition, exp.Sub, exp.Substring,
    exp.Trim, exp.TryCast, exp.Var,
)  # fmt: skip
TYPES = frozenset(
    "BOOLEAN TINYINT SMALLINT INT BIGINT FLOAT DOUBLE DECIMAL TEXT DATE TIMESTAMP "  # noqa: SIM905
    "TIMESTAMPLTZ TIMESTAMPTZ TIMESTAMPNTZ BINARY ARRAY MAP STRUCT".split()
)


class RowSpark(Spark):
    """Spark's dialect without sqlglot's own functions: a call is written as it was read."""

    class Parser(SparkParser):
        """Reads every call as a name and its arguments."""

        FUNCTIONS: ClassVar = {}
        NO_PAREN_FUNCTIONS: ClassVar = {}
        NO_PAREN_FUNCTION_PARSERS: ClassVar = {
            name: read
            for name, read in SparkParser.NO_PAREN_FUNCTION_PARSERS.items()
            if name in {"ANY", "CASE", "IF"}
        }
        FUNCTION_PARSERS: ClassVar = {
            name: read for name, read in SparkParser.FUNCTION_PARSERS.items() if name in _SYNTAX
        }

    class Generator(SparkGenerator):
        """Writes `<=>` as it was, since the words for it bind less tightly, and `position`."""

        TRANSFORMS: ClassVar = {
            **SparkGenerator.TRANSFORMS,
            exp.NullSafeEQ: lambda self, e: self.binary(e, "<=>"),
            exp.StrPosition: lambda self, e: self.func(
                "POSITION", e.args["substr"], e.this, e.args.get("position")
            ),
        }


@lru_cache(maxsize=4_096)
def parse(sql: str) -> tuple[tuple[Token, ...], exp.Expr]:
    """Read one expression.

    Returns:
        Its tokens, and its tree, which nobody may change.

    Raises:
        UnreadableError: for what is not one expression, or is not written as one may be.
    """
    if len(sql) > MAX_LETTERS:
        problem = f"{len(sql):,} characters; an expression has at most {MAX_LETTERS:,}, so split it"
        raise UnreadableError(0, problem)
    return _read(sql)


def _read(sql: str) -> tuple[tuple[Token, ...], exp.Expr]:
    dialect, tokens = RowSpark(), list[Token]()
    try:
        tokens = dialect.tokenize(sql)
        refuse_layout(sql, tokens)
        trees = dialect.parser().parse_into(exp.Condition, tokens, sql)
    except UnreadableError:
        raise
    except Exception as error:  # sqlglot raises more than its own errors: IndexError for map(a)
        raise _unreadable(error, sql, tokens) from error
    if len(trees) != 1 or trees[0] is None:  # a text that starts with `else`, for one
        problem = f"cannot be parsed: {shown(tokens[0].text)} does not belong here; leave it out"
        raise UnreadableError(tokens[0].start, problem)
    if isinstance(trees[0], exp.Tuple):
        raise UnreadableError(0, "several values in parentheses; write one expression")
    return tuple(tokens), _with_units(trees[0])


def write(tree: exp.Expr) -> str:
    """Write a tree as Spark reads it, with every name of a column in backquotes."""
    return tree.sql(dialect=RowSpark, identify=True, normalize_functions=False, comments=False)


def is_read_alike(tree: exp.Expr) -> bool:
    """Return True if what is written of a tree is read as the same tree."""
    try:
        return _plain(_read(write(tree))[1]) == _plain(tree)
    except ValueError:
        return False


def is_plain_type(kind: exp.DataType) -> bool:
    """Return True if a type is one that values may be cast to."""
    name = getattr(kind.this, "name", "")
    return name in TYPES and (name in _SIZED or not kind.expressions)


def is_plain_cast(cast: exp.Cast) -> bool:
    """Return True if a cast has no more than a value and a type."""
    return not any(cast.args.get(key) for key in ("format", "action", "default"))


def makes_text(node: exp.Expr) -> bool:
    """Return True if a node puts a text together, as `concat` does."""
    if isinstance(node, exp.Cast):
        return node.to.this.name in {"TEXT", "BINARY"}
    named = isinstance(node, exp.Anonymous) and node.name.lower() in MAKE_TEXTS
    return named or isinstance(node, exp.DPipe | exp.Substring | exp.Trim | exp.Overlay)


def _plain(tree: exp.Expr) -> exp.Expr:
    """Return a tree without alternative spellings: quotes of names, raw texts."""

    def plain(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Identifier):
            return exp.to_identifier(node.name, quoted=True)
        if isinstance(node, exp.RawString):
            return exp.Literal.string(node.name)
        if type(node) is exp.Cast:  # `date '2025-01-31'`
            return exp.TryCast(this=node.this, to=node.to)
        return node

    return tree.copy().transform(plain, copy=False)


def _with_units(tree: exp.Expr) -> exp.Expr:
    """Turn the unit of `datediff(day, a, b)` into a word: it was parsed as a column."""
    for call in list(tree.find_all(exp.Anonymous)):
        given = call.expressions
        if call.name.lower() in WITH_UNITS and len(given) == 3:  # noqa: PLR2004 -- unit, two more
            unit = given[0]
            is_word = isinstance(unit, exp.Column) and not unit.this.args.get("quoted")
            if is_word and len(unit.parts) == 1 and unit.name.lower() in UNITS:
                unit.replace(exp.Var(this=unit.name.upper()))
    return tree


def _unreadable(error: Exception, sql: str, tokens: list[Token]) -> UnreadableError:
    if isinstance(error, TokenError):
        opened = re.search(r"from \d+:(\d+)$", str(error.__cause__))
        start = int(opened[1]) if opened else max(sql.rfind("/*"), 0)
        problem = f"cannot be parsed from {shown(sql[start:])} on; close it or correct it"
        return UnreadableError(start, problem)
    if isinstance(error, RecursionError):
        return UnreadableError(0, "cannot be parsed: it is nested too deeply; split it")
    if not isinstance(error, ParseError) or not error.errors:
        return UnreadableError(0, f"cannot be parsed ({error!r}); check its functions' arguments")
    detail = error.errors[0]
    end = (detail["line"], detail["col"])  # of the last character of a token
    token = next((token for token in tokens if (token.line, token.col) == end), tokens[-1])
    word, reason = shown(token.text), str(detail["description"])
    if "Unexpected token" in reason:
        problem = f"{word} does not belong here"
    elif "Required keyword" in reason:
        problem = f"a value is missing near {word}"
    else:
        problem = f"{reason[:1].lower()}{reason[1:]} near {word}"
    return UnreadableError(token.start, f"cannot be parsed: {problem}; correct it there")
