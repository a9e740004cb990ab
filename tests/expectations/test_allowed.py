"""The expectations that a spec may declare: the list fits the library, and nothing else is read."""

import math
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any

import great_expectations.expectations as gxe
import numpy as np
import pyarrow as pa
import pytest
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.registry import (
    get_expectation_impl,
    list_registered_expectation_implementations,
)

import expectations.trailing_bounds
from expectations.allowed.catalogue import ALLOWED, OF_ROWS, argument_problems
from expectations.custom import apply_custom_expectations, build_custom_suite
from expectations.policy import CustomExpectation, kept_columns
from expectations.run import quiet_great_expectations

# Of Great Expectations' own: run a query or a program, fetch a schema, are of another engine, or
# are about columns, which the spec declares.
NOT_LISTED = {
    "expect_column_kl_divergence_to_be_less_than",
    "expect_column_to_exist",
    "expect_column_type_to_be",
    "expect_column_values_to_match_json_schema",
    "expect_column_values_to_match_like_pattern",
    "expect_column_values_to_match_like_pattern_list",
    "expect_column_values_to_not_match_like_pattern",
    "expect_column_values_to_not_match_like_pattern_list",
    "expect_query_results_to_match_comparison",
    "expect_table_column_count_to_be_between",
    "expect_table_column_count_to_equal",
    "expect_table_columns_to_match_ordered_list",
    "expect_table_columns_to_match_set",
    "expect_table_row_count_to_equal_other_table",
    "unexpected_rows_expectation",
}
OF_ALL = {
    "batch_id", "catch_exceptions", "id", "library_metadata", "meta", "notes", "rendered_content",
    "result_format", "severity", "windows",
}  # fmt: skip
GOOD: dict[str, Any] = {
    "column": "amount", "column_A": "amount", "column_B": "other",
    "column_list": ["amount", "other"],
    "mostly": 0.5, "min_value": 0, "max_value": 5.5, "strict_min": True, "strict_max": False,
    "value_set": [1, 2.5], "value_pairs_set": [[1, 2], [3, 4]], "ties_okay": True, "or_equal": True,
    "strictly": True, "double_sided": True, "allow_relative_error": False, "regex": "^[a-z]+$",
    "regex_list": ["a", r"\d{3}"], "match_on": "any", "strftime_format": "%Y-%m-%d", "type_": "str",
    "type_list": ["float64", "int64"], "threshold": 3, "multiplier": 1.5, "method": "iqr",
    "sum_total": 5, "value": 3, "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[1, 2]]},
    "row_condition": 'col("amount") > 1', "condition_parser": "great_expectations",
    "description": "amounts",
}  # fmt: skip


def problems(name: str = "expect_column_values_to_be_between", **given: object) -> list[str]:
    return list(argument_problems(name, {"column": "amount"} | given, severity="warn"))


def test_the_list_is_that_of_the_installed_great_expectations() -> None:
    ours = {
        name
        for name in list_registered_expectation_implementations()
        if get_expectation_impl(name).__module__ == expectations.trailing_bounds.__name__
    }
    registered = {
        name
        for name in list_registered_expectation_implementations()
        if get_expectation_impl(name).__module__.startswith("great_expectations.")
    }
    assert ours & set(ALLOWED) == set()
    assert set(ALLOWED) | NOT_LISTED == registered
    assert set(ALLOWED) & NOT_LISTED == set()


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_its_arguments_are_those_of_the_list(name: str) -> None:
    fields = get_expectation_impl(name).__fields__
    of_rows = {"ignore_row_if"} if name == "expect_column_pair_values_to_be_equal" else set()
    table = {"row_condition", "condition_parser"} - set(fields)
    assert set(ALLOWED[name]) - table - of_rows <= set(fields)
    assert set(fields) - OF_ALL <= set(ALLOWED[name])
    required = {argument for argument, field in fields.items() if field.required}
    assert {argument for argument, is_needed in ALLOWED[name].items() if is_needed} == required
    assert (name in OF_ROWS) == issubclass(get_expectation_impl(name), ColumnMapExpectation)


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_each_is_built_with_every_argument_that_it_may_have(name: str) -> None:
    given = {argument: GOOD[argument] for argument in ALLOWED[name] if argument != "ignore_row_if"}
    own = CustomExpectation(name=name, table="transactions", severity="warn", **given)
    assert build_custom_suite([own], "transactions", columns=["amount", "other"]) is not None


@pytest.mark.parametrize(
    "given",
    [
        {"row_condition": "amount > 1", "condition_parser": "pandas"},
        {"row_condition": "amount > 1", "condition_parser": "spark"},
        {"row_condition": "amount > 1", "condition_parser": "great_expectations__experimental__"},
        {"row_condition": "amount.__class__", "condition_parser": "great_expectations"},
        {"row_condition": "@__import__('os').system('id')",
         "condition_parser": "great_expectations"},
        {"row_condition": 'col("amount") > 1 and __import__("os")',
         "condition_parser": "great_expectations"},
        {"row_condition": 'col("a`b") > 1', "condition_parser": "great_expectations"},
        {"row_condition": 'col("amount.__class__") > 1', "condition_parser": "great_expectations"},
        {"row_condition": 'col("channel") == "a`b"', "condition_parser": "great_expectations"},
        {"row_condition": 'col("amount") > date("2025-01-01")',
         "condition_parser": "great_expectations"},
        {"row_condition": {"type": "pass_through", "pass_through_filter": "amount > 1"},
         "condition_parser": "great_expectations"},
        {"row_condition": {"$PARAMETER": "x"}, "condition_parser": "great_expectations"},
        {"row_condition": 'col("amount") > 1'},
        {"condition_parser": "great_expectations"},
        {"max_value": {"$PARAMETER": "now()"}},
        {"max_value": "$PARAMETER"},
        {"max_value": "5"},
        {"max_value": True},
        {"max_value": math.nan},
        {"min_value": -math.inf},
        {"max_value": 10**400},
        {"mostly": math.nan},
        {"mostly": 1.5},
        {"mostly": {"$PARAMETER": "x"}},
        {"strict_min": {"$PARAMETER": "x"}},
        {"column": {"$PARAMETER": "x"}},
        {"column": "a b"},
        {"meta": {"a": 1}},
        {"notes": "x"},
        {"result_format": {"result_format": "COMPLETE"}},
        {"catch_exceptions": False},
        {"rendered_content": []},
        {"windows": []},
        {"batch_id": "x"},
        {"id": "x"},
        {"description": ["x"]},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_evaluated_filled_in_or_unknown_is_refused(given: dict[str, object]) -> None:
    found = problems(**given)
    assert found
    assert all(f"{next(iter(given))}: " in found[0] or "row_condition" in line for line in found)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("expect_column_values_to_be_in_set", {"value_set": {"$PARAMETER": "x"}}),
        ("expect_column_values_to_be_in_set", {"value_set": [{"$PARAMETER": "x"}]}),
        ("expect_column_values_to_be_in_set", {"value_set": []}),
        ("expect_column_values_to_be_in_set", {"value_set": [math.nan]}),
        ("expect_column_values_to_match_regex", {"regex": {"$PARAMETER": "x"}}),
        ("expect_column_values_to_match_regex", {"regex": r"(a+)\1"}),
        ("expect_column_values_to_match_regex", {"regex": "(?=a)b"}),
        ("expect_column_values_to_match_regex", {"regex": "(?<!a)b"}),
        ("expect_column_values_to_match_regex", {"regex": "(?P<x>a)(?P=x)"}),
        ("expect_column_values_to_match_regex", {"regex": "(?i)a"}),
        ("expect_column_values_to_match_regex", {"regex": "(a"}),
        ("expect_column_values_to_match_regex", {"regex": "a" * 301}),
        ("expect_column_values_to_match_regex", {"regex": "a{99999999999}"}),
        ("expect_column_values_to_match_regex_list", {"regex_list": ["a", r"\1"]}),
        ("expect_column_values_to_match_strftime_format", {"strftime_format": "%Q"}),
        ("expect_column_values_to_match_strftime_format", {"strftime_format": "%Y" * 41}),
        ("expect_column_values_to_be_of_type", {"type_": "read_pickle"}),
        ("expect_column_values_to_be_in_type_list", {"type_list": ["core.dtypes"]}),
        ("expect_column_quantile_values_to_be_between",
         {"quantile_ranges": {"quantiles": [0.5], "value_ranges": [[1, {"$PARAMETER": "x"}]]}}),
        ("expect_column_value_lengths_to_equal", {"value": 10**400}),
    ],
    ids=str,
)  # fmt: skip
def test_each_form_is_closed(name: str, given: dict[str, object]) -> None:
    assert [line.split(":")[0] for line in problems(name, **given)] == [next(iter(given))]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("expect_column_values_to_be_uniqe", "did you mean expect_column_values_to_be_unique"),
        ("unexpected_rows_expectation", "it runs a query"),
        ("expect_query_results_to_match_comparison", "it runs a query"),
        ("expect_table_row_count_to_equal_other_table", "it reads another table"),
        ("expect_column_values_to_match_json_schema", "which may name any address"),
        ("expect_column_values_to_follow_trailing_days", "no such expectation"),
        ("expect_a_module_of_mine", "no such expectation"),
    ],
)
def test_an_expectation_that_is_not_listed_is_refused_with_the_reason(name: str, said: str) -> None:
    (problem,) = problems(name)
    assert problem.startswith(f"name: got {name!r}; ")
    assert said in problem


def test_a_misspelled_argument_is_told_with_the_right_one() -> None:
    assert problems(mx_value=3) == [
        "mx_value: got 3; no such argument of expect_column_values_to_be_between; did you mean "
        "max_value or min_value?"
    ]


def test_numbers_dates_and_times_are_taken() -> None:
    for value in (1, 2.5, date(2025, 1, 1), datetime(2025, 1, 1, tzinfo=UTC)):
        assert problems(max_value=value) == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("expect_column_values_to_match_regex", {"regex": "(a|a)+$"}),
        ("expect_column_values_to_not_match_regex", {"regex": "((a+)+)+$"}),
        ("expect_column_values_to_match_regex_list", {"regex_list": ["(a|aa)*$", "(.*a){25}$"]}),
        ("expect_column_values_to_not_match_regex_list", {"regex_list": ["(a*)*$"]}),
    ],
)
def test_a_regular_expression_cannot_take_for_ever(name: str, given: dict[str, object]) -> None:
    """With a matcher that goes back, each of these takes longer than the sun has left."""
    quiet_great_expectations()
    rows = pa.table({"channel": ["a" * 3_000 + "!"], "transaction_id": [1]})
    own = CustomExpectation(name=name, column="channel", severity="quarantine", **given)
    (mask,) = apply_custom_expectations(rows, [own]).values()
    assert len(mask) == 1


@pytest.mark.parametrize(
    ("condition", "broken"),
    [
        ('col("amount") > 1', [False, True, True, False]),
        ('col("amount") >= 3e0', [False, False, True, False]),
        ("col('channel') == 'web'", None),
        ('col("channel") == "web"', [True, False, False, False]),
        ("col(\"channel\") != 'web'", [False, True, True, False]),
        ('col("amount").notNull()', [True, True, True, False]),
    ],
)
def test_a_row_condition_chooses_the_rows(condition: str, broken: list[bool] | None) -> None:
    rows = pa.table(
        {"amount": [1.0, 2.0, 3.0, None], "channel": ["web", "a@b", "`import os`", None]}
    )
    given = {"row_condition": condition, "condition_parser": "great_expectations"}
    if broken is None:  # as in Great Expectations, a column is named in double quotes
        assert problems(**given) != []
        return
    own = CustomExpectation(
        name="expect_column_values_to_be_between", column="amount", max_value=0,
        severity="quarantine", **given,
    )  # fmt: skip
    (mask,) = apply_custom_expectations(rows, [own]).values()
    assert mask.tolist() == np.array(broken).tolist()


def test_the_column_of_a_row_condition_is_kept_for_it() -> None:
    own = CustomExpectation(
        name="expect_column_values_to_be_between", column="amount", max_value=0,
        row_condition='col("channel") == "web"', condition_parser="great_expectations",
    )  # fmt: skip
    assert kept_columns([own], "transactions") == ["transaction_id", "amount", "channel"]


def test_loading_the_list_loads_no_great_expectations() -> None:
    code = (
        "import sys, expectations.policy as p;"
        "p.CustomExpectation(name='expect_column_values_to_be_null', column='a');"
        "assert not {'great_expectations', 'pandas', 'pyarrow', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_great_expectations_own_classes_are_those_of_the_list() -> None:
    assert get_expectation_impl("expect_column_values_to_be_between") is (
        gxe.ExpectColumnValuesToBeBetween
    )
