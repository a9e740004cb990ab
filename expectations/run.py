"""Runs suites with Great Expectations, on a profile or on rows, and writes its Data Docs.

Great Expectations passes an empty table and reports a missing column as a plain failure, so the
row count and the exceptions are looked at here.
"""

import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from expectations.contract import EVENT_DAY, TRANSACTION_ID, InputError
from expectations.profile import PROFILE_VERSION, Profile
from expectations.results import EXAMPLES, Validated, describe

if TYPE_CHECKING:
    import great_expectations as gx
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResult,
    )
    from great_expectations.data_context import EphemeralDataContext
    from great_expectations.datasource.fluent.interfaces import Batch


def validate_profile(
    profile: Profile,
    suite: "gx.ExpectationSuite",
    *,
    table: str,
    custom: "gx.ExpectationSuite | None" = None,
    docs: Path | None = None,
) -> Validated:
    """Check the profile of a table against a suite.

    Args:
        profile: of the table.
        suite: from `expectations.suites`.
        table: its name and version, for messages.
        custom: the declared expectations, which run on the columns that the pass kept.
        docs: folder that receives the Data Docs.

    Raises:
        InputError: when the table has no rows; Great Expectations would pass it.
    """
    if profile.rows == 0:
        raise InputError(f"{table} has no rows to validate. Ingest transactions first.")
    context = open_context()
    runs = {table: _run(context, profile.days, suite, name=table, keys=[EVENT_DAY])}
    if custom is not None and profile.kept is not None:
        name = f"{table}, custom expectations"
        runs[name] = _run(context, profile.kept, custom, name=name, keys=[TRANSACTION_ID])
    findings = tuple(
        describe(item, profile.examples)
        for run in runs.values()
        for item in run.results
        if not item.success
    )
    from expectations.pages import write_pages

    page = None if docs is None else write_pages(context, runs, docs)
    return Validated(
        table=table,
        rows=profile.rows,
        expectations=sum(len(run.results) for run in runs.values()),
        findings=findings,
        docs=page,
        profile_version=PROFILE_VERSION,
    )


def quiet_great_expectations() -> None:
    """Silence usage statistics and 200 log lines; call before the library's first import."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("TQDM_DISABLE", "1")
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    # It imports pyspark's pandas API, which we do not use. Can go when pyspark supports pandas 3.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    # It asks pandas for matches only, so groups in a regular expression are what they look like.
    warnings.filterwarnings("ignore", "This pattern is interpreted as a regular", UserWarning)


def open_context() -> "EphemeralDataContext":
    """Open a context that keeps nothing and draws no progress bars."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    # This module of theirs sets its own level when it is imported.
    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _run(
    context: "EphemeralDataContext",
    rows: pa.Table,
    suite: "gx.ExpectationSuite",
    *,
    name: str,
    keys: Sequence[str],
) -> "ExpectationSuiteValidationResult":
    return open_batch(context, rows, name=name).validate(
        suite,
        result_format={
            "result_format": "COMPLETE",
            "partial_unexpected_count": EXAMPLES,
            "unexpected_index_column_names": list(keys),
        },
    )


def open_batch(context: "EphemeralDataContext", rows: pa.Table, *, name: str) -> "Batch":
    """Wrap rows as Great Expectations takes them."""
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    whole = asset.add_batch_definition_whole_dataframe("all")
    return whole.get_batch(batch_parameters={"dataframe": _plain(rows).to_pandas()})


def _plain(rows: pa.Table) -> pa.Table:
    """Drop the zone of timestamps (all are UTC): Great Expectations compares them as they are."""
    for index, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type):
            values = rows.column(index).cast(pa.timestamp("us"))
            rows = rows.set_column(index, field.name, values)
    return rows
