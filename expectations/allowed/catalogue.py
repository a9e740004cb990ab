"""The expectations that a spec may declare, and the arguments of each: a list, checked on reading.

Great Expectations takes more than is here: conditions that pandas evaluates as a program, queries,
parameters filled in from elsewhere, schemas fetched by address. What is not listed is refused. A
test compares the list with the installed version, which is not loaded to read a spec.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from expectations.allowed.arguments import ARGUMENTS, problem_of

_BETWEEN = "min_value max_value strict_min strict_max"
_ROWS = "column! mostly"
_PAIR = "column_A! column_B! mostly ignore_row_if"
_SEVERAL = "column_list! mostly ignore_row_if"
_EVERYWHERE = "row_condition condition_parser description"

# A `!` stands behind an argument that has to be given.
_OF_ROWS = {
    "expect_column_value_lengths_to_be_between": f"{_ROWS} {_BETWEEN}",
    "expect_column_value_lengths_to_equal": f"{_ROWS} value!",
    "expect_column_value_z_scores_to_be_less_than": f"{_ROWS} threshold! double_sided!",
    "expect_column_values_to_be_between": f"{_ROWS} {_BETWEEN}",
    "expect_column_values_to_be_dateutil_parseable": _ROWS,
    "expect_column_values_to_be_decreasing": f"{_ROWS} strictly",
    "expect_column_values_to_be_in_set": f"{_ROWS} value_set!",
    "expect_column_values_to_be_in_type_list": f"{_ROWS} type_list",
    "expect_column_values_to_be_increasing": f"{_ROWS} strictly",
    "expect_column_values_to_be_json_parseable": _ROWS,
    "expect_column_values_to_be_null": _ROWS,
    "expect_column_values_to_be_of_type": f"{_ROWS} type_!",
    "expect_column_values_to_be_unique": _ROWS,
    "expect_column_values_to_match_regex": f"{_ROWS} regex",
    "expect_column_values_to_match_regex_list": f"{_ROWS} regex_list! match_on",
    "expect_column_values_to_match_strftime_format": f"{_ROWS} strftime_format!",
    "expect_column_values_to_not_be_in_set": f"{_ROWS} value_set!",
    "expect_column_values_to_not_be_null": _ROWS,
    "expect_column_values_to_not_be_outliers": f"{_ROWS} method multiplier",
    "expect_column_values_to_not_match_regex": f"{_ROWS} regex!",
    "expect_column_values_to_not_match_regex_list": f"{_ROWS} regex_list!",
}
_OF_COLUMNS = {
    "expect_column_distinct_values_to_be_in_set": "column! value_set!",
    "expect_column_distinct_values_to_contain_set": "column! value_set!",
    "expect_column_distinct_values_to_equal_set": "column! value_set!",
    "expect_column_max_to_be_between": f"column! {_BETWEEN}",
    "expect_column_mean_to_be_between": f"column! {_BETWEEN}",
    "expect_column_median_to_be_between": f"column! {_BETWEEN}",
    "expect_column_min_to_be_between": f"column! {_BETWEEN}",
    "expect_column_most_common_value_to_be_in_set": "column! value_set! ties_okay",
    "expect_column_pair_values_a_to_be_greater_than_b": f"{_PAIR} or_equal",
    "expect_column_pair_values_to_be_equal": _PAIR,
    "expect_column_pair_values_to_be_in_set": f"{_PAIR} value_pairs_set!",
    "expect_column_proportion_of_non_null_values_to_be_between": f"column! {_BETWEEN}",
    "expect_column_proportion_of_unique_values_to_be_between": f"column! {_BETWEEN}",
    "expect_column_quantile_values_to_be_between": "column! quantile_ranges! allow_relative_error",
    "expect_column_stdev_to_be_between": f"column! {_BETWEEN}",
    "expect_column_sum_to_be_between": f"column! {_BETWEEN}",
    "expect_column_unique_value_count_to_be_between": f"column! {_BETWEEN}",
    "expect_compound_columns_to_be_unique": _SEVERAL,
    "expect_multicolumn_sum_to_equal": f"{_SEVERAL} sum_total!",
    "expect_multicolumn_values_to_be_equal": _SEVERAL,
    "expect_select_column_values_to_be_unique_within_record": _SEVERAL,
    "expect_table_row_count_to_be_between": _BETWEEN,
    "expect_table_row_count_to_equal": "value!",
}
OF_ROWS = frozenset(_OF_ROWS)
ALLOWED: Mapping[str, Mapping[str, bool]] = {
    name: {
        argument.rstrip("!"): argument.endswith("!")
        for argument in f"{arguments} {_EVERYWHERE}".split()
    }
    for name, arguments in (_OF_ROWS | _OF_COLUMNS).items()
}

_REASONS = {
    "expect_query_results_to_match_comparison": "runs a query",
    "unexpected_rows_expectation": "runs a query",
    "expect_table_row_count_to_equal_other_table": "reads another table",
    "expect_column_values_to_match_json_schema": "takes a schema, which may name any address",
}


def argument_problems(name: str, given: Mapping[str, Any], *, severity: str) -> Iterator[str]:
    """List what is wrong with a declared expectation, its columns apart, each with its key."""
    if name not in ALLOWED:
        yield f"name: got {name!r}; {_unknown(name, ALLOWED, 'expectation')}"
        return
    allowed = ALLOWED[name]
    for argument, value in given.items():
        if argument not in allowed:
            hint = _unknown(argument, allowed, f"argument of {name}")
            yield f"{argument}: got {_short(value)}; {hint}"
        elif (problem := problem_of(argument, value, allowed)) is not None:
            yield f"{argument}: got {_short(value)}; {problem}"
    for argument, is_required in allowed.items():
        if is_required and argument not in given:
            yield f"{argument}: missing; add it ({ARGUMENTS[argument]})"
    if ("row_condition" in given) != ("condition_parser" in given):
        yield ('row_condition: give it together with condition_parser = "great_expectations"')
    if severity == "quarantine" and name not in OF_ROWS:
        yield (
            f"severity: got {severity!r}; only expectations about single values can quarantine "
            "rows; give warn or stop"
        )


def _unknown(name: str, known: Mapping[str, object] | Sequence[str], what: str) -> str:
    if name in _REASONS:
        return f"it {_REASONS[name]}; leave it out"
    near = get_close_matches(name, [*known], n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
    return f"no such {what}; {hint}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"  # noqa: PLR2004 -- a line's worth
