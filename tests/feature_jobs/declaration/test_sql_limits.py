"""Limits of an expression's text, and any text at all."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from feature_jobs.declaration.sql import generated, referenced_columns
from tests.feature_jobs.declaration.expressions import (
    COLUMNS,
    problems,
)


def test_2000_parentheses_are_a_problem() -> None:
    assert problems("(" * 2_000 + "amount" + ")" * 2_000) == [
        "position 33: '(' is nested 33 deep; nest at most 32"
    ]


def test_32_parentheses_are_parsed() -> None:
    assert problems("abs(" * 32 + "amount" + ")" * 32) == []


def test_2000_nested_operators_are_a_problem() -> None:
    assert problems("not " * 2_000 + "amount") == [
        "position 1: cannot be parsed: it is nested too deeply; split it"
    ]


def test_10_000_characters_are_read_and_one_more_is_refused() -> None:
    text = " + ".join(["amount"] * 1_111)
    assert problems(f"{text} + 1".ljust(10_000)) == []
    assert problems(f"{text} + 1".ljust(10_001)) == [
        "position 1: 10,001 characters; an expression has at most 10,000, so split it"
    ]
    assert len(problems(" + ".join(["amuont"] * 1_111))) == 1_111


def test_a_megabyte_is_refused_before_it_is_read() -> None:
    assert problems("amount + " * 111_111 + "1") == [
        "position 1: 1,000,000 characters; an expression has at most 10,000, so split it"
    ]


TEXT = (
    "amount is_fraud hour `a b` t.x . , ( ) [ ] + - * / % = <=> :: -> => case when then else end "
    "and or not in is null like any exists select from where values with table union over order by "
    "interval 1 day '1' 'now' 'x \" ` /* */ -- ; : ? @ $ { } ${ < > cast( as double array< date "
    "sum( rand() if if( map( date_trunc( 1.5BD 0x x'1F' r'a' \\ \0 é \ud800 between"
)
WORDS = TEXT.split(" ")


@settings(max_examples=500, deadline=None)
@given(
    st.text()
    | st.text(st.characters(codec=None))
    | st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)
    | st.lists(st.sampled_from([*WORDS, "\n", "\r\n"]), max_size=14).map("".join)
)
def test_any_text_gives_problems_at_its_positions_or_columns(sql: str) -> None:
    found = problems(sql)
    positions = [int(re.match(r"position (\d+): \S", problem)[1]) for problem in found]
    assert positions == sorted(set(positions))
    assert all(1 <= position <= max(1, len(sql)) for position in positions)
    if not found:
        assert generated(generated(sql)) == generated(sql)
        assert {name.lower() for name in referenced_columns(sql)} <= set(COLUMNS)
