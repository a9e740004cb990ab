"""Checks the Spark SQL expressions of a spec without Spark, so a spec is read without a JVM.

An expression makes one value of one row, the same on every run. sqlglot parses it; whether a
function exists and takes these types, Spark says when the job runs.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import Token, exp

MAX_NESTING = 32
SHOWN_COLUMNS = 12
SHOWN_LETTERS = 60

_MANY_ROWS = "reads many rows, and an expression reads one; declare it in [[features.windows]]"
_ANOTHER_RUN = "may differ from run to run; use the columns of the row"
_QUERY = "is part of a query, and an expression reads one row; leave it out"
_PARAMETER = "is a parameter, and nothing fills it in; write the value"
# By name, not by sqlglot's classes: it does not know every function, and calls some by another.
_REFUSED = {
    name: problem
    for problem, names in {
        _MANY_ROWS: """
            any any_value approx_count_distinct approx_percentile approx_top_k
            approx_top_k_accumulate approx_top_k_combine array_agg avg bit_and bit_or bit_xor
            bitmap_and_agg bitmap_construct_agg bitmap_or_agg bool_and bool_or collect_list
            collect_set collect_union corr count count_if count_min_sketch counter_diff covar_pop
            covar_samp cume_dist dense_rank every first first_value grouping grouping_id
            histogram_numeric hll_sketch_agg hll_union_agg kll_merge_agg_bigint
            kll_merge_agg_double kll_merge_agg_float kll_sketch_agg_bigint kll_sketch_agg_double
            kll_sketch_agg_float kurtosis lag last last_value lead listagg max max_by mean measure
            median min min_by mode nth_value ntile percent_rank percentile percentile_approx
            percentile_cont percentile_disc rank regr_avgx regr_avgy regr_count regr_intercept
            regr_r2 regr_slope regr_sxx regr_sxy regr_syy row_number schema_of_variant_agg skewness
            some std stddev stddev_pop stddev_samp string_agg sum theta_intersection_agg
            theta_sketch_agg theta_union_agg try_avg try_sum tuple_intersection_agg_double
            tuple_intersection_agg_integer tuple_sketch_agg_double tuple_sketch_agg_integer
            tuple_union_agg_double tuple_union_agg_integer var_pop var_samp variance vector_avg
            vector_sum""",
        "makes several rows of one; leave it out": """
            collations explode explode_outer inline inline_outer json_tuple posexplode
            posexplode_outer session_window sql_keywords stack variant_explode
            variant_explode_outer window""",
        _ANOTHER_RUN: """
            aes_encrypt curdate current_catalog current_database current_date current_path
            current_schema current_time current_timestamp current_timezone current_user
            input_file_block_length input_file_block_start input_file_name localtime localtimestamp
            monotonically_increasing_id now rand randn random randstr session_user shuffle
            spark_partition_id uniform user uuid version""",
        "runs Java code; leave it out": "java_method reflect try_reflect",
        "takes a name out of a text; write the name itself": "identifier",
    }.items()
    for name in names.split()
}
# Spark takes such a text for the clock wherever it wants a date or a timestamp.
_CLOCK = re.compile(r"\s*(now|today|tomorrow|yesterday)(\s+\S+)?\s*", re.IGNORECASE)
_DEPTHS = {"L_PAREN": 1, "L_BRACKET": 1, "R_PAREN": -1, "R_BRACKET": -1}


class _UnreadableError(ValueError):
    """Not one expression; `start` is the offset of the character where reading ended."""

    def __init__(self, start: int, problem: str) -> None:
        self.start = start
        super().__init__(problem)


def expression_problems(
    sql: str, *, columns: Collection[str], forbidden: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """Everything that is wrong with one expression, by position; empty when it can be used.

    Args:
        sql: what `select` would take, without a name for the result.
        columns: what may be read; as in Spark, upper and lower case are the same.
        forbidden: why a column may not be read, by its name; goes before `columns`.

    >>> expression_problems("ln(amuont + 1)", columns=["amount", "hour"])
    ["position 4: no column 'amuont'; did you mean 'amount'?"]
    """
    reasons = {name.lower(): f"{reason}; leave it out" for name, reason in forbidden.items()}
    known = {name.lower(): name for name in columns if name.lower() not in reasons}
    try:
        tokens, tree = _parse(sql)
    except _UnreadableError as error:
        return [f"position {error.start + 1}: {error}"]
    found: dict[int, str] = {}
    for start, problem in chain(
        _name_problems(tokens, known, reasons),
        _shape_problems(tokens, tree),
        _column_problems(tree, known, reasons),
    ):
        found.setdefault(start, problem)
    return [f"position {start + 1}: {found[start]}" for start in sorted(found)]


def referenced_columns(sql: str) -> list[str]:
    """The columns that an expression reads, as first written, in order of first mention.

    Raises:
        ValueError: for a text that is not one expression; see `expression_problems`.

    >>> referenced_columns("Amount / greatest(mean_7d, amount)")
    ['Amount', 'mean_7d']
    """
    found: dict[str, str] = {}
    for column in sorted(_columns(_parse(sql)[1]), key=_start):
        found.setdefault(column.name.lower(), column.name)
    return list(found.values())


def _parse(sql: str) -> "tuple[list[Token], exp.Expr]":
    from sqlglot import Dialect, exp

    spark = Dialect.get_or_raise("spark")
    tokens: list[Token] = []
    try:
        tokens = spark.tokenize(sql)
        _refuse_layout(sql, tokens)
        trees = spark.parser().parse_into(exp.Condition, tokens, sql)
    except _UnreadableError:
        raise
    except Exception as error:  # sqlglot raises more than its own errors: IndexError for map(a)
        raise _unreadable(error, sql, tokens) from error
    if len(trees) != 1 or trees[0] is None:  # a text that starts with `else`, for one
        problem = f"cannot be parsed: {_shown(tokens[0].text)} does not belong here; leave it out"
        raise _UnreadableError(tokens[0].start, problem)
    if isinstance(trees[0], exp.Tuple):
        raise _UnreadableError(0, "several values in parentheses; write one expression")
    return tokens, trees[0]


def _refuse_layout(sql: str, tokens: "list[Token]") -> None:
    if not tokens:
        raise _UnreadableError(0, "the expression is empty; write one, such as amount / 2")
    if "${" in sql:  # Spark puts settings and environment variables here, even inside a text
        raise _UnreadableError(sql.index("${"), f"'${{' {_PARAMETER}")
    depth = 0
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        kind = token.token_type.name
        depth += _DEPTHS.get(kind, 0)
        if depth > MAX_NESTING:
            problem = f"'{token.text}' is nested {depth} deep; nest at most {MAX_NESTING}"
            raise _UnreadableError(token.start, problem)
        if kind == "SEMICOLON":
            raise _UnreadableError(token.start, "';' ends a statement; write one expression")
        is_if = kind == "VAR" and token.text.lower() == "if"
        if is_if and (after is None or after.token_type.name != "L_PAREN"):
            raise _UnreadableError(token.start, "'if' needs parentheses: if(condition, a, b)")


def _unreadable(error: Exception, sql: str, tokens: "list[Token]") -> _UnreadableError:
    from sqlglot.errors import ParseError, TokenError

    if isinstance(error, TokenError):
        opened = re.search(r"from \d+:(\d+)$", str(error.__cause__))
        start = int(opened[1]) if opened else max(sql.rfind("/*"), 0)
        problem = f"cannot be parsed from {_shown(sql[start:])} on; close it or correct it"
        return _UnreadableError(start, problem)
    if isinstance(error, RecursionError):
        return _UnreadableError(0, "cannot be parsed: it is nested too deeply; split it")
    if not isinstance(error, ParseError) or not error.errors:
        return _UnreadableError(0, f"cannot be parsed ({error!r}); check its functions' arguments")
    detail = error.errors[0]
    end = (detail["line"], detail["col"])  # of the last character of a token
    token = next((token for token in tokens if (token.line, token.col) == end), tokens[-1])
    word, reason = _shown(token.text), str(detail["description"])
    if "Unexpected token" in reason:
        problem = f"{word} does not belong here"
    elif "Required keyword" in reason:
        problem = f"a value is missing near {word}"
    else:
        problem = f"{reason[:1].lower()}{reason[1:]} near {word}"
    return _UnreadableError(token.start, f"cannot be parsed: {problem}; correct it there")


def _name_problems(
    tokens: "list[Token]", known: Collection[str], reasons: Mapping[str, str]
) -> Iterator[tuple[int, str]]:
    """By token: in the tree some columns have become units or texts, and functions others."""
    names = [token.text.lower() for token in tokens]
    for index, (token, name) in enumerate(zip(tokens, names, strict=True)):
        before = names[index - 1] if index else ""
        after = names[index + 1 : index + 3]
        if _is_text(token):
            if _CLOCK.fullmatch(name):
                yield token.start, f"{_shown(token.text)} can stand for the clock; leave it out"
        elif after[:1] == ["("]:
            if name in _REFUSED and before not in {"like", "ilike"}:
                yield token.start, f"{name}() {_REFUSED[name]}"
            elif [name, *after] == ["unix_timestamp", "(", ")"]:
                yield token.start, f"{name}() {_ANOTHER_RUN}"
        elif name in reasons and token.token_type.name in {"VAR", "IDENTIFIER"}:
            yield token.start, f"{_shown(token.text)} {reasons[name]}"
        elif _REFUSED.get(name) == _ANOTHER_RUN and name not in known and before != ".":
            yield token.start, f"{name} {_ANOTHER_RUN}"


def _shape_problems(tokens: "list[Token]", tree: "exp.Expr") -> Iterator[tuple[int, str]]:
    from sqlglot import exp

    nodes = list(tree.walk())
    # These nodes do not know where they stand; their words do.
    for kinds, words, problem in (
        (exp.Query, {"SELECT", "VALUES"}, _QUERY),
        (exp.Window, {"OVER"}, _MANY_ROWS),
        ((exp.Placeholder, exp.Parameter), set("?:@${"), _PARAMETER),
    ):
        if any(isinstance(node, kinds) for node in nodes):
            for token in tokens:
                if token.text.upper() in words and not _is_text(token):
                    yield token.start, f"{_shown(token.text)} {problem}"
    for node in nodes:
        if isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
            yield _start(node), "'*' stands for many columns; name one"
        elif isinstance(node, exp.Alias):
            yield _start(node.args["alias"]), f"{_shown(node.alias)} is an alias; leave it out"


def _column_problems(
    tree: "exp.Expr", known: Mapping[str, str], reasons: Mapping[str, str]
) -> Iterator[tuple[int, str]]:
    @cache
    def unknown(name: str) -> str:
        near = get_close_matches(name.lower(), known, n=1)
        if near:
            return f"no column {_shown(name)}; did you mean {known[near[0]]!r}?"
        names = sorted(known.values())
        more = f" and {len(names) - SHOWN_COLUMNS} more" if len(names) > SHOWN_COLUMNS else ""
        listed = ", ".join(names[:SHOWN_COLUMNS]) or "none"
        return f"no column {_shown(name)}; the columns are {listed}{more}"

    for column in _columns(tree):
        names = [part.name for part in column.parts]
        refused = [part for part in column.parts if part.name.lower() in reasons]
        for part in refused:
            yield _start(part), f"{_shown(part.name)} {reasons[part.name.lower()]}"
        if refused:
            continue
        if len(names) > 1:
            yield _start(column), f"{_shown('.'.join(names))} has a dot; write one column's name"
        elif names[0].lower() not in known:
            yield _start(column), unknown(names[0])
        elif not names[0].isascii() and not column.this.args.get("quoted"):
            yield _start(column), f"{_shown(names[0])} needs backquotes: `{names[0]}`"


def _columns(tree: "exp.Expr") -> "Iterator[exp.Column]":
    """The columns of the row; those of a query inside, which is refused, are not looked at."""
    from sqlglot import exp

    for node in tree.walk(prune=lambda node: isinstance(node, exp.Query)):
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            yield node


def _is_text(token: "Token") -> bool:
    return "STRING" in token.token_type.name


def _start(node: "exp.Expr") -> int:
    return min((part.meta["start"] for part in node.walk() if "start" in part.meta), default=0)


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]}…")
