"""What Spark gets of an expression means the same to it as what was typed, function by function."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Row, SparkSession

from feature_jobs.declaration.spark_functions import ALLOWED
from feature_jobs.declaration.sql import generated, validate_expression
from tests.feature_jobs.declaration.calls import OPERATORS, split_calls
from tests.feature_jobs.declaration.expressions import COLUMNS, GOOD, SCHEMA


def at(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


ROWS = [
    (12.5, 3, 10, at("2025-01-31T12:30:59.123456"), 4.0, "ann@example.com",
     at("2024-02-29"), 1.5),
    (-0.0, 23, -7, at("2025-12-28T23:59:59"), 0.0, "It's 100% \\ \"a\"\n\tb_c",
     at("1969-12-31T23:00:00"), -2.5),
    (math.nan, 0, 2**62, at("2025-03-30T02:30:00"), 1e308, "größe 数量 😀", at("2025-03-01"), 0.1),
    (1e-9, -1, 0, at("2000-01-01"), -1.0, "", at("1999-12-31T23:59:59"), 1e6),
    (None, None, None, None, None, None, None, None),
    (99.995, 6, 1_000_003, at("2025-07-04T06:00:00"), 99.995, "1,5|2;x=1&y=2",
     at("2025-07-04T06:00:00"), 255.0),
    (math.inf, 12, 255, at("2025-07-06"), 3.0, "NOW", at("2025-07-07"), -math.inf),
]  # fmt: skip


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    """A row a line of what may be odd: signed zeros, NaN, nulls, quotes, leap days."""
    return spark.createDataFrame(ROWS, SCHEMA)


def bits(value: object) -> object:
    """A value so that two are equal only if they are the same: type, sign of zero, NaN."""
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Row | list | tuple):
        return [bits(item) for item in value]
    if isinstance(value, dict):
        return {key: bits(item) for key, item in value.items()}
    return value


def evaluate(rows: DataFrame, written: Sequence[str]) -> tuple[list[str], list[object]]:
    """Types and values of expressions; by Spark's own reading of each text."""
    made = rows.selectExpr(*(f"{sql} AS c{n}" for n, sql in enumerate(written)))
    types = [field.dataType.simpleString() for field in made.schema.fields]
    # pyspark cannot collect every interval.
    shown = [
        made[f"c{n}"].cast("string") if kind.startswith("interval") else made[f"c{n}"]
        for n, kind in enumerate(types)
    ]
    return types, [bits(row) for row in made.select(*shown).collect()]


def is_alike(rows: DataFrame, written: Sequence[str]) -> list[str]:
    """The expressions of which Spark makes something else when it gets what is generated."""
    made = [generated(sql) for sql in written]
    if outcome(rows, written) == outcome(rows, made) != "refused":
        return []
    return [
        f"{sql}  ->  {new}"
        for sql, new in zip(written, made, strict=True)
        if outcome(rows, [sql]) != outcome(rows, [new])
    ]


def outcome(rows: DataFrame, written: Sequence[str]) -> object:
    """Types and values of expressions, or that Spark refuses one of them as it runs."""
    try:
        return evaluate(rows, written)
    except PySparkException:
        return "refused"


def test_every_function_on_the_list_has_a_call_here_that_is_accepted() -> None:
    assert {name for name in ALLOWED if not any(f"{name}(" in c for c in split_calls())} == set()
    found = {sql: validate_expression(sql, columns=COLUMNS) for sql in [*split_calls(), *OPERATORS]}
    assert {sql: problems for sql, problems in found.items() if problems} == {}


@pytest.mark.parametrize("start", range(0, 320, 40))
def test_every_call_means_the_same_as_it_is_generated(rows: DataFrame, start: int) -> None:
    chosen = split_calls()[start : start + 40]
    assert not chosen or is_alike(rows, chosen) == []


def test_every_operator_means_the_same_as_it_is_generated(rows: DataFrame) -> None:
    assert is_alike(rows, OPERATORS) == []


def test_every_good_expression_means_the_same_as_it_is_generated(rows: DataFrame) -> None:
    for start in range(0, len(GOOD), 40):
        assert is_alike(rows, GOOD[start : start + 40]) == []


NUMBERS = st.sampled_from(["amount", "hour", "mean_7d", "card_id", "2", "1.5", "-3", "null", "1e2"])
TEXTS = st.text(st.sampled_from("aI's%_\\\n\"é数 ."), max_size=6).map(
    lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
)
MORE = [
    "{0} {op} {1}", "({0}) {op} ({1})", "-({0})", "abs({0})", "coalesce({0}, {1})",
    "if({0} > {1}, {0}, 1)",
]  # fmt: skip


def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from([*"+-*/%&|^", "div"])
    return st.builds(
        lambda form, a, b, op: form.format(a, b, op=op),
        st.sampled_from(MORE),
        inner,
        inner,
        operators,
    )


CONDITIONS = st.builds(
    lambda form, a, b, text: form.format(a=a, b=b, text=text),
    st.sampled_from(
        [
            "not {a} <=> {b}", "{a} is null or {b} > 1", "{a} between {b} and 9",
            "{a} not in ({b}, 3) and email like {text}", "email = {text}", "email > {text}",
            "case when {a} > {b} then {text} else email end", "concat(email, {text}, {a})",
            "case {a} when {b} then 1 when 2 then {a} end", "{a} = {b} and {b} != {a}",
            "email not like {text} escape '!'", "instr(email, {text}) + {a}",
        ]
    ),
    st.recursive(NUMBERS, grow, max_leaves=5),
    st.recursive(NUMBERS, grow, max_leaves=5),
    TEXTS,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(CONDITIONS, min_size=20, max_size=20))
def test_what_is_accepted_of_any_text_means_the_same_as_it_is_generated(
    rows: DataFrame, written: list[str]
) -> None:
    taken = [sql for sql in written if not validate_expression(sql, columns=COLUMNS)]
    able = [sql for sql in taken if can_be_analysed(rows, sql)]
    assert not able or is_alike(rows, able) == []


def can_be_analysed(rows: DataFrame, sql: str) -> bool:
    """Return True if Spark takes the types of an expression, as it is typed."""
    try:
        return len(rows.selectExpr(sql).schema) == 1
    except PySparkException:
        return False
