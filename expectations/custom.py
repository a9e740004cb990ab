"""Custom expectations, as a spec declares them by name: built, and checked at once."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from great_expectations.expectations.metadata_types import FailureSeverity
from great_expectations.expectations.registry import get_expectation_impl
from great_expectations.expectations.row_conditions import Column as RowColumn
from great_expectations.expectations.row_conditions import ComparisonCondition, Operator
from pydantic import ValidationError
from pydantic.v1 import ValidationError as OldValidationError

from expectations.allowed import match_condition
from expectations.contract import ProblemsError, refuse_any
from expectations.policy import CustomExpectation, TableName
from expectations.results import exception_texts
from expectations.run import open_batch, open_context

_SEVERITIES = {
    "stop": FailureSeverity.CRITICAL,
    "warn": FailureSeverity.WARNING,
    "quarantine": FailureSeverity.WARNING,
}


def build_custom_suite(
    declared: Sequence[CustomExpectation], table: TableName, *, columns: Sequence[str]
) -> gx.ExpectationSuite | None:
    """Build the suite of a table's declared expectations that do not quarantine; None for none.

    Raises:
        ProblemsError: naming every expectation that Great Expectations refuses, or that names a
            column that the table does not have.
    """
    built = _build(declared, table, columns)
    chosen = [expectation for expectation, given in built if given.severity != "quarantine"]
    return gx.ExpectationSuite(name=f"custom_{table}", expectations=chosen) if chosen else None


def apply_custom_expectations(
    rows: pa.Table, declared: Sequence[CustomExpectation]
) -> dict[str, npt.NDArray[np.bool_]]:
    """Mark the rows that do not meet the quarantining expectations, a mask for each of these."""
    built = _build(declared, "transactions", rows.column_names)
    quarantining: dict[str, gxe.Expectation] = {}
    for expectation, given in built:
        if given.severity == "quarantine":
            rule = f"{given.columns[0]}_{re.sub('^expect_(column_(values_)?)?', '', given.name)}"
            number = sum(name.partition("#")[0] == rule for name in quarantining)
            quarantining[f"{rule}#{number + 1}" if number else rule] = expectation
    if not quarantining:
        return {}
    names = dict.fromkeys(c for _, given in built for c in given.columns)
    batch = open_batch(open_context(), rows.select([*names]), name="delivery")
    masks, problems = {}, []
    for name, expectation in quarantining.items():
        result = batch.validate(expectation, result_format="COMPLETE")
        failure = exception_texts(result.exception_info or {})
        if failure:
            problems.append(f"{name}: it could not run: {failure}")
            continue
        mask = np.zeros(rows.num_rows, dtype=np.bool_)
        mask[[int(place) for place in (result.result or {}).get("unexpected_index_list") or []]] = 1
        masks[name] = mask
    refuse_any("[contract]", problems)
    return masks


def refuse_unbuildable(
    declared: Sequence[CustomExpectation], columns: Mapping[TableName, Sequence[str]]
) -> None:
    """Build all declared expectations of all tables.

    Raises:
        ProblemsError: naming every one that cannot be built.
    """
    problems: list[str] = []
    for table, names in columns.items():
        try:
            _build(declared, table, names)
        except ProblemsError as error:
            problems += error.problems
    refuse_any("[contract]", problems)


def _build(
    declared: Sequence[CustomExpectation], table: TableName, columns: Sequence[str]
) -> list[tuple[gxe.Expectation, CustomExpectation]]:
    built, problems = [], []
    for number, custom in enumerate(declared):
        if custom.table != table:
            continue
        where = f"contract.expectations.{number} ({custom.name})"
        unknown = [column for column in custom.columns if column not in columns]
        if unknown:
            has = ", ".join(columns)
            problems.append(f"{where}: {table} has no column {', '.join(unknown)}; it has {has}")
            continue
        try:
            kind = get_expectation_impl(custom.name)
            expectation = kind(**_arguments(custom), severity=_SEVERITIES[custom.severity])
        except (ValidationError, OldValidationError, TypeError) as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            problems.append(f"{where}: {' '.join(lines[1:]) or lines[0]}")
            continue
        built.append((expectation, custom))
    refuse_any("[contract]", problems)
    return built


def _arguments(custom: CustomExpectation) -> dict[str, Any]:
    """Give the arguments as Great Expectations takes them, a row condition as an object.

    As a text it would be deprecated, and for pandas a program.
    """
    given = {key: value for key, value in custom.arguments.items() if key != "condition_parser"}
    condition = match_condition(given.get("row_condition", ""))
    if condition is None:
        return given
    column = RowColumn(condition["column"])
    if condition["not_null"]:
        return given | {"row_condition": column.is_not_null()}
    number, texts = condition["number"], (condition["double"], condition["single"])
    constant = next(text for text in texts if text is not None) if number is None else float(number)
    compared = ComparisonCondition(
        column=column, operator=Operator(condition["operator"]), parameter=constant
    )
    return given | {"row_condition": compared}
