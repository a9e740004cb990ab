"""Columns of an expression: unknown ones, the label, and those that it mentions."""

import pytest

from feature_jobs.declaration.sql import referenced_columns, validate_expression
from tests.feature_jobs.declaration.expressions import ANOTHER_RUN, LABEL, LISTED, problems


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("ln(amuont)", "position 4: no column 'amuont'; did you mean 'amount'?"),
        ("ln(`Amuont`)", "position 4: no column 'Amuont'; did you mean 'amount'?"),
        ("hour + zzz", f"position 8: no column 'zzz'; the columns are {LISTED}"),
        ("grösse", "position 1: no column 'grösse'; did you mean 'größe'?"),
        ("`größe` + 数量", f"position 11: no column '数量'; the columns are {LISTED}"),
        ("hour + Größe", "position 8: 'Größe' needs backquotes: `Größe`"),
        ("a\0b", r"position 2: '\x00' cannot be printed; leave it out"),
        ("now + 1", f"position 1: now {ANOTHER_RUN}"),
        ("amount\n  + hour\n  + hourr", "position 21: no column 'hourr'; did you mean 'hour'?"),
        ("amount\r\n+ hourr", "position 11: no column 'hourr'; did you mean 'hour'?"),
        ("case when amuont > 1 then 2 end",
         "position 11: no column 'amuont'; did you mean 'amount'?"),
        ("transform(array(amount), x -> x + amuont)",
         "position 35: no column 'amuont'; did you mean 'amount'?"),
        ("rows.amount", "position 1: 'rows.amount' has a dot; write one column's name"),
        ("1 + `rows`.`amount`", "position 5: 'rows.amount' has a dot; write one column's name"),
    ],
)  # fmt: skip
def test_a_column_that_is_not_there_is_named_with_what_to_write(sql: str, problem: str) -> None:
    assert problems(sql) == [problem]


def test_of_many_columns_twelve_are_listed() -> None:
    columns = [f"c{number:02}" for number in range(14)]
    assert validate_expression("zzz", columns=columns) == [
        "position 1: no column 'zzz'; the columns are c00, c01, c02, c03, c04, c05, c06, c07, c08,"
        " c09, c10, c11 and 2 more"
    ]


def test_without_columns_there_are_none_to_choose() -> None:
    assert validate_expression("zzz", columns=[]) == [
        "position 1: no column 'zzz'; the columns are none"
    ]


@pytest.mark.parametrize(
    ("sql", "position", "name"),
    [
        ("is_fraud", 1, "is_fraud"),
        ("IS_Fraud + 1", 1, "IS_Fraud"),
        ("1 + `Is_Fraud`", 5, "Is_Fraud"),
        ("rows.is_fraud", 6, "is_fraud"),
        ("a.b.`IS_FRAUD`", 5, "IS_FRAUD"),
        ("is_fraud.amount", 1, "is_fraud"),
        ("case when is_fraud then amount end", 11, "is_fraud"),
        # sqlglot takes these two for a unit and for a text.
        ("date_trunc(is_fraud, event_time)", 12, "is_fraud"),
        ("trunc(event_time, is_fraud)", 19, "is_fraud"),
        ("transform(array(1), x -> x + is_fraud)", 30, "is_fraud"),
        ("named_struct('a', 1).is_fraud", 22, "is_fraud"),
    ],
)
def test_the_label_is_refused_however_it_is_written(sql: str, position: int, name: str) -> None:
    assert problems(sql) == [f"position {position}: {name!r} {LABEL}; leave it out"]


def test_a_forbidden_column_is_refused_also_where_it_is_known_and_named_like_a_type() -> None:
    found = validate_expression(
        "cast(amount as date) > Date", columns=["amount", "date"], forbidden={"DATE": "is late"}
    )
    assert found == ["position 24: 'Date' is late; leave it out"]


def test_a_forbidden_column_is_not_proposed() -> None:
    found = validate_expression(
        "is_frau", columns=["amount", "is_fraud"], forbidden={"is_fraud": LABEL}
    )
    assert found == ["position 1: no column 'is_frau'; the columns are amount"]


def test_a_long_name_is_shown_in_part() -> None:
    assert problems("x" * 10_000) == [
        f"position 1: no column '{'x' * 60}…'; the columns are {LISTED}"
    ]


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("1 + 1", []),
        ("hour + Amount / amount", ["hour", "Amount"]),
        ("case when mean_7d > 1 then hour else amount end", ["mean_7d", "hour", "amount"]),
        ("amount between hour and mean_7d", ["amount", "hour", "mean_7d"]),
        ("datediff(DAY, event_time, `first seen`)", ["event_time", "first seen"]),
        ("position(email in `größe`)", ["email", "größe"]),
        ("transform(split(email, ''), x -> x + hour)", ["email", "hour"]),
        ("struct(amount as a).a", ["amount"]),
        ("'amount' = \"hour\"", []),
    ],
)
def test_referenced_columns_are_in_order_of_first_mention(sql: str, columns: list[str]) -> None:
    assert referenced_columns(sql) == columns


def test_referenced_columns_of_what_is_not_an_expression_are_an_error() -> None:
    with pytest.raises(ValueError, match="';' ends a statement"):
        referenced_columns("amount;")
