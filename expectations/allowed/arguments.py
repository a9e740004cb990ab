"""The form of each argument of an expectation: constants only, nothing to be evaluated."""

import math
import re
from collections.abc import Callable, Collection
from datetime import date, datetime
from typing import Any, cast

MAX_ITEMS = 10_000
MAX_LETTERS = 1_000
MAX_REGEX = 300
MAX_WHOLE = 2**63 - 1

ARGUMENTS = {
    "column": "a column of the table",
    "column_A": "a column of the table",
    "column_B": "a column of the table",
    "column_list": "a list of columns of the table",
    "mostly": "a share of the rows, 0 to 1",
    "min_value": "a number, a date or a time",
    "max_value": "a number, a date or a time",
    "strict_min": "true or false",
    "strict_max": "true or false",
    "value_set": "a list of texts, numbers or dates",
    "value_pairs_set": "a list of lists of two values",
    "ties_okay": "true or false",
    "or_equal": "true or false",
    "strictly": "true or false",
    "double_sided": "true or false",
    "allow_relative_error": "true or false",
    "ignore_row_if": "which rows do not count",
    "regex": "a regular expression without look-around, back-references and flags",
    "regex_list": "a list of regular expressions without look-around, back-references and flags",
    "match_on": "any or all",
    "strftime_format": "a format such as %Y-%m-%d",
    "type_": "a type: float64, int64, bool, str, object, datetime64",
    "type_list": "a list of types: float64, int64, bool, str, object, datetime64",
    "threshold": "a number",
    "multiplier": "a number above 0",
    "method": "iqr or std",
    "sum_total": "a number",
    "value": "a whole number, 0 or more",
    "quantile_ranges": "{ quantiles = [0.5], value_ranges = [[1, 2]] }",
    "row_condition": "col(\"NAME\") with ==, !=, <, <=, > or >= and a number or a text in quotes, "
    "or with .notNull()",
    "condition_parser": "great_expectations; what other parsers take is a program",
    "description": f"a text of at most {MAX_LETTERS} letters",
}  # fmt: skip
_PAIRS = ("both_values_are_missing", "either_value_is_missing", "neither")
_ROWS = ("all_values_are_missing", "any_value_is_missing", "never")

_TYPES = {"bool", "datetime64", "float64", "int64", "object", "str"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_STRFTIME = re.compile(r"(%[YymdHIMSfzpjaAbB%]|[ \-/:.,_TZ]){1,40}", re.ASCII)
_CONDITION = re.compile(
    r"""\s*col\(\s*"(?P<column>[A-Za-z_][A-Za-z0-9_]*)"\s*\)\s*
    (?: (?P<not_null>\.(?i:notnull)\(\))
      | (?P<operator>>=|<=|==|!=|>|<)\s*
        (?: (?P<number>[+-]?\d{1,18}(?:\.\d{1,18})?(?:[eE][+-]?\d{1,3})?)
          | "(?P<double>[^"'`\\\x00-\x1f]*)" | '(?P<single>[^"'`\\\x00-\x1f]*)' ) )\s*""",
    re.VERBOSE | re.ASCII,
)


def match_condition(text: str) -> "re.Match[str] | None":
    """Take a row condition apart: its column, and `.notNull()` or an operator and a constant."""
    return _CONDITION.fullmatch(text)


def problem_of(argument: str, value: object, beside: Collection[str]) -> str | None:
    """Say what an argument has to be when it is something else.

    Args:
        argument: its name, one of `ARGUMENTS`.
        value: as TOML gives it.
        beside: names of the arguments that the expectation takes.
    """
    if argument == "ignore_row_if":
        choices = _PAIRS if "column_A" in beside else _ROWS
        return None if value in choices else f"write one of {', '.join(choices)}"
    fits = _FORMS[argument]
    return None if fits(value) else f"write {ARGUMENTS[argument]}"


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= MAX_WHOLE if isinstance(value, int) else math.isfinite(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_LETTERS and "\x00" not in value


def _is_value(value: object) -> bool:
    return _is_number(value) or _is_text(value) or isinstance(value, bool | date | datetime)


def _is_list(fits: Callable[[Any], bool], value: object) -> bool:
    return isinstance(value, list) and 0 < len(value) <= MAX_ITEMS and all(map(fits, value))


def _is_pair(value: object) -> bool:
    return _is_list(_is_value, value) and len(cast("list[object]", value)) == 2  # noqa: PLR2004


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_type(value: object) -> bool:
    return isinstance(value, str) and value in _TYPES


def _is_regex(value: object) -> bool:
    """Return True for a regular expression that is matched in one pass of any text.

    Without these extensions pandas gives it to RE2, which does not go back.
    """
    if not isinstance(value, str) or len(value) > MAX_REGEX:
        return False
    plain = re.sub(r"\\[^\d]|\\0", "", value)
    if re.search(r"\(\?(?!:)|\\\d", plain):
        return False
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def _is_range(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"quantiles", "value_ranges"}
        and _is_list(lambda q: _is_number(q) and 0 <= q <= 1, value["quantiles"])
        and _is_list(lambda r: _is_list(_is_number, r) and len(r) == 2, value["value_ranges"])  # noqa: PLR2004
        and len(value["quantiles"]) == len(value["value_ranges"])
    )


_FORMS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("column", "column_A", "column_B"), _is_name),
    "column_list": lambda v: _is_list(_is_name, v),
    "type_": _is_type,
    "type_list": lambda v: _is_list(_is_type, v),
    **dict.fromkeys(
        ("strict_min", "strict_max", "ties_okay", "or_equal", "strictly", "double_sided",
         "allow_relative_error"),
        lambda v: isinstance(v, bool),
    ),
    **dict.fromkeys(
        ("min_value", "max_value"), lambda v: _is_number(v) or isinstance(v, date | datetime)
    ),
    "mostly": lambda v: _is_number(v) and 0 <= v <= 1,
    "value_set": lambda v: _is_list(_is_value, v),
    "value_pairs_set": lambda v: _is_list(_is_pair, v),
    "regex": _is_regex,
    "regex_list": lambda v: _is_list(_is_regex, v),
    "match_on": lambda v: v in {"any", "all"} if isinstance(v, str) else False,
    "method": lambda v: v in {"iqr", "std"} if isinstance(v, str) else False,
    "strftime_format": lambda v: isinstance(v, str) and _STRFTIME.fullmatch(v) is not None,
    "threshold": _is_number,
    "multiplier": lambda v: _is_number(v) and v > 0,
    "sum_total": _is_number,
    "value": lambda v: _is_number(v) and isinstance(v, int) and v >= 0,
    "quantile_ranges": _is_range,
    "row_condition": lambda v: isinstance(v, str) and match_condition(v) is not None,
    "condition_parser": lambda v: v == "great_expectations",
    "description": _is_text,
}  # fmt: skip
