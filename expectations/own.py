"""A user's own expectations: any of Great Expectations' by name, built and checked at once."""

import difflib
from collections.abc import Sequence

import great_expectations as gx
import great_expectations.expectations as gxe
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from great_expectations.exceptions import ExpectationNotFoundError
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metadata_types import FailureSeverity
from great_expectations.expectations.registry import (
    get_expectation_impl,
    list_registered_expectation_implementations,
)
from pydantic import ValidationError
from pydantic.v1 import ValidationError as OldValidationError

import expectations.daily  # noqa: F401 -- registers our own
from expectations.contract import refuse_any
from expectations.policy import OwnExpectation, TableName
from expectations.validation import plain

_SEVERITIES = {
    "stop": FailureSeverity.CRITICAL,
    "warn": FailureSeverity.WARNING,
    "quarantine": FailureSeverity.WARNING,
}


def build_own_suite(
    declared: Sequence[OwnExpectation], table: TableName, *, columns: Sequence[str]
) -> gx.ExpectationSuite | None:
    """The declared expectations of a table that do not quarantine; None when there are none.

    Raises:
        ProblemsError: naming every expectation that does not exist, has wrong arguments or names
            a column that the table does not have.
    """
    built = _build(declared, table, columns)
    chosen = [own for own, given in built if given.severity != "quarantine"]
    return gx.ExpectationSuite(name=f"own_{table}", expectations=chosen) if chosen else None


def judge_own(
    rows: pa.Table, declared: Sequence[OwnExpectation]
) -> dict[str, npt.NDArray[np.bool_]]:
    """For each quarantining expectation of transactions a mask of the rows that do not meet it."""
    built = _build(declared, "transactions", rows.column_names)
    quarantining = {
        f"{given.columns[0]}_{given.name.removeprefix('expect_column_values_')}": own
        for own, given in built
        if given.severity == "quarantine"
    }
    if not quarantining:
        return {}
    names = dict.fromkeys(c for _, given in built for c in given.columns)
    frame = plain(rows.select([*names])).to_pandas()
    suite = gx.ExpectationSuite(name="quarantine", expectations=list(quarantining.values()))
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("delivery").add_dataframe_asset("transactions")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    results = batch.validate(suite, result_format="COMPLETE").results
    masks = {}
    for name, result in zip(quarantining, results, strict=True):
        mask = np.zeros(rows.num_rows, dtype=np.bool_)
        found = (result.result or {}).get("unexpected_index_list") or []
        mask[[int(place) for place in found]] = True
        masks[name] = mask
    return masks


def _build(
    declared: Sequence[OwnExpectation], table: TableName, columns: Sequence[str]
) -> list[tuple[gxe.Expectation, OwnExpectation]]:
    built, problems = [], []
    for number, own in enumerate(declared):
        if own.table != table:
            continue
        where = f"contract.expectations.{number} ({own.name})"
        unknown = [column for column in own.columns if column not in columns]
        if unknown:
            has = ", ".join(columns)
            problems.append(f"{where}: {table} has no column {', '.join(unknown)}; it has {has}")
            continue
        try:
            kind = get_expectation_impl(own.name)
            expectation = kind(**own.arguments, severity=_SEVERITIES[own.severity])
        except ExpectationNotFoundError:
            known = list_registered_expectation_implementations()
            near = difflib.get_close_matches(own.name, known, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            problems.append(f"{where}: Great Expectations has none of this name{hint}")
            continue
        except (ValidationError, OldValidationError, TypeError) as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            problems.append(f"{where}: {' '.join(lines[1:]) or lines[0]}")
            continue
        if own.severity == "quarantine" and not isinstance(expectation, ColumnMapExpectation):
            problems.append(f"{where}: only expectations about single values can quarantine rows")
            continue
        built.append((expectation, own))
    refuse_any("[contract]", problems)
    return built
