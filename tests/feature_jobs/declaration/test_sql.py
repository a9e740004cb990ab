import subprocess
import sys

import pytest
from pyspark.sql import SparkSession

from tests.feature_jobs.declaration.expressions import (
    ANOTHER_RUN,
    ELSEWHERE,
    GOOD,
    LABEL,
    MANY_ROWS,
    PARAMETER,
    QUERY,
    SCHEMA,
    problems,
)


@pytest.mark.parametrize("sql", GOOD)
def test_a_good_expression_has_no_problems(sql: str) -> None:
    assert problems(sql) == []


def test_spark_accepts_every_good_expression(spark: SparkSession) -> None:
    rows = spark.createDataFrame([], SCHEMA)
    assert len(rows.selectExpr(*GOOD).columns) == len(GOOD)


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("(select 1)", f"position 2: 'select' {QUERY}"),
        ("amount > (SELECT abs(x) FROM t)", f"position 11: 'SELECT' {QUERY}"),
        ("exists (select zzz from t)", f"position 9: 'select' {QUERY}"),
        ("hour in (select 1)", f"position 10: 'select' {QUERY}"),
        ("(from t select a)", f"position 9: 'select' {QUERY}"),
        ("(values 1)", f"position 2: 'values' {QUERY}"),
        (":low", f"position 1: ':' {PARAMETER}"),
        ("amount > :low", f"position 10: ':' {PARAMETER}"),
        ("amount > ?", f"position 10: '?' {PARAMETER}"),
        ("email = '?' or amount > ?", f"position 25: '?' {PARAMETER}"),
        ("amount > {low}", f"position 10: '{{' {PARAMETER}"),
        ("amount > ${low}", f"position 10: '${{' {PARAMETER}"),
        ("email = '${env:HOME}'", f"position 10: '${{' {PARAMETER}"),
        ("*", "position 1: '*' stands for many columns; name one"),
        ("struct(*)", "position 8: '*' stands for many columns; name one"),
        ("rows.*", "position 6: '*' stands for many columns; name one"),
        ("(amount as b)", "position 12: 'b' is an alias; leave it out"),
        ("(amount, hour)", "position 1: several values in parentheses; write one expression"),
    ],
)
def test_what_is_not_an_expression_over_one_row_is_refused(sql: str, problem: str) -> None:
    assert problems(sql) == [problem]


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("", "position 1: the expression is empty; write one, such as amount / 2"),
        (" \n\t", "position 1: the expression is empty; write one, such as amount / 2"),
        ("-- amount", "position 1: a comment; leave it out"),
        ("ln(amount",
         "position 4: cannot be parsed: expecting ) near 'amount'; correct it there"),
        ("amount +",
         "position 8: cannot be parsed: a value is missing near '+'; correct it there"),
        ("amount )", f"position 8: cannot be parsed: ')' {ELSEWHERE}"),
        ("amount, hour", f"position 7: cannot be parsed: ',' {ELSEWHERE}"),
        ("amount AS b", f"position 8: cannot be parsed: 'AS' {ELSEWHERE}"),
        ("amount b", f"position 8: cannot be parsed: 'b' {ELSEWHERE}"),
        ("amount\n  + hour\n  hourr", f"position 19: cannot be parsed: 'hourr' {ELSEWHERE}"),
        ("'two\nlines' hour x", f"position 13: cannot be parsed: 'hour' {ELSEWHERE}"),
        ("SELECT 1", f"position 1: cannot be parsed: 'SELECT' {ELSEWHERE}"),
        ("  DROP TABLE x", f"position 3: cannot be parsed: 'DROP' {ELSEWHERE}"),
        ("amount from rows", f"position 8: cannot be parsed: 'from' {ELSEWHERE}"),
        ("else 1", "position 1: cannot be parsed: 'else' does not belong here; leave it out"),
        ("if amount then 1", "position 1: 'if' needs parentheses: if(condition, a, b)"),
        ("1; DROP TABLE x", "position 2: ';' ends a statement; write one expression"),
        ("amount;", "position 7: ';' ends a statement; write one expression"),
        ("cast(amount as foo)",
         "position 16: cannot be parsed: expected TYPE after CAST near 'foo'; correct it there"),
        ("email = 'abc",
         'position 9: cannot be parsed from "\'abc" on; close it or correct it'),
        ("hour +\n `abc", "position 9: cannot be parsed from '`abc' on; close it or correct it"),
        ("hour /* abc", "position 6: cannot be parsed from '/* abc' on; close it or correct it"),
    ],
)  # fmt: skip
def test_what_cannot_be_parsed_is_refused_where_it_ends(sql: str, problem: str) -> None:
    assert problems(sql) == [problem]


def test_all_problems_of_an_expression_are_told_in_order_of_position() -> None:
    assert problems("amuont + is_fraud\n  + sum(hourr) * rand() - known_time / `Amuont`") == [
        "position 1: no column 'amuont'; did you mean 'amount'?",
        f"position 10: 'is_fraud' {LABEL}; leave it out",
        f"position 23: sum() {MANY_ROWS}",
        "position 27: no column 'hourr'; did you mean 'hour'?",
        f"position 36: rand() {ANOTHER_RUN}",
        "position 45: 'known_time' is when the label was known; leave it out",
        "position 58: no column 'Amuont'; did you mean 'amount'?",
    ]


def test_loading_the_module_loads_neither_sqlglot_nor_spark() -> None:
    code = (
        "import sys, feature_jobs.declaration.sql as e; assert 'sqlglot' not in sys.modules;"
        "e.validate_expression('a', columns=['a']); assert 'pyspark' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
