"""Runs a suite on a table and tells what failed in words.

Great Expectations passes an empty table and reports a missing column as a plain failure, so the
row count and the exceptions are looked at here.
"""

import logging
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from expectations.contract import InputError

if TYPE_CHECKING:
    import great_expectations as gx
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.datasource.fluent.interfaces import Batch

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation that was not met.

    Attributes:
        severity: `critical` stops the run, `warning` does not.
        text: expectation, column, what was expected and what was observed.
    """

    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class Validated:
    """What a suite found in a table."""

    table: str
    rows: int
    expectations: int
    findings: tuple[Finding, ...]

    def summary(self) -> str:
        """One line in words and numbers."""
        return (
            f"Validated {self.table}: {self.rows:,} rows, {self.expectations} expectations, "
            f"{len(self.findings)} not met"
        )

    def refuse_critical(self) -> None:
        """Stop on a critical finding.

        Raises:
            InputError: with every finding.
        """
        if not any(finding.severity == "critical" for finding in self.findings):
            return
        lines = [f"  - {finding.severity}: {finding.text}" for finding in self.findings]
        raise InputError(
            "\n".join(
                [
                    f"{self.table} does not meet its contract "
                    f"({len(self.findings)} of {self.expectations} expectations):",
                    *lines,
                    "Correct the source and ingest it again, or change [contract] in the spec.",
                ]
            )
        )


def validate_table(rows: pa.Table, suite: "gx.ExpectationSuite", *, table: str) -> Validated:
    """Check a table against a suite.

    Args:
        rows: the table; only the columns that the suite names are needed.
        suite: from `expectations.suites`.
        table: its name and version, for messages.

    Raises:
        InputError: when the table has no rows; Great Expectations would pass it.
    """
    if rows.num_rows == 0:
        raise InputError(f"{table} has no rows to validate. Ingest transactions first.")
    result = _open_batch(rows, table).validate(
        suite, result_format={"result_format": "SUMMARY", "partial_unexpected_count": 5}
    )
    findings = tuple(_describe(item) for item in result.results if not item.success)
    return Validated(table, rows.num_rows, len(result.results), findings)


def quiet_great_expectations() -> None:
    """Silence usage statistics and 200 log lines; call before the library's first import."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("TQDM_DISABLE", "1")
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    # It imports pyspark's pandas API, which we do not use. Can go when pyspark supports pandas 3.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)


def _open_batch(rows: pa.Table, table: str) -> "Batch":
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    # This module of theirs sets its own level when it is imported.
    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("lake").add_dataframe_asset(table)
    whole = asset.add_batch_definition_whole_dataframe("all")
    return whole.get_batch(batch_parameters={"dataframe": _plain(rows).to_pandas()})


def _plain(rows: pa.Table) -> pa.Table:
    """Timestamps without zone (all are UTC): Great Expectations compares them as they are."""
    for index, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type):
            values = rows.column(index).cast(pa.timestamp("us"))
            rows = rows.set_column(index, field.name, values)
    return rows


def _describe(item: "ExpectationValidationResult") -> Finding:
    config = item.expectation_config
    if config is None:
        return Finding("critical", "an expectation without its configuration")
    expected = {k: v for k, v in config.kwargs.items() if k not in ("batch_id", "column")}
    column = config.kwargs.get("column", "(table)")
    trouble = _trouble(item.exception_info or {})
    if trouble:
        return Finding("critical", f"{config.type} of {column} could not run: {trouble}")
    seen = item.result or {}
    observed = seen.get("observed_value")
    if observed is None:
        count, examples = seen.get("unexpected_count"), seen.get("partial_unexpected_list")
        observed = f"{count:,} of {seen.get('element_count'):,} rows, such as {examples}"
    severity = getattr(config.severity, "value", config.severity)
    return Finding(str(severity), f"{config.type} of {column}: expected {expected}; got {observed}")


def _trouble(info: Mapping[str, object]) -> str:
    """Messages of what kept an expectation from running; one, or one for each of its metrics."""
    each = [info, *(value for value in info.values() if isinstance(value, Mapping))]
    messages = (str(item["exception_message"]) for item in each if item.get("exception_message"))
    return "; ".join(dict.fromkeys(messages))
