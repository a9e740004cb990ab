"""Runs suites with Great Expectations, on a profile or on rows, and writes its Data Docs.

Great Expectations passes an empty table and reports a missing column as a plain failure, so the
row count and the exceptions are looked at here.
"""

import logging
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from expectations.contract import EVENT_DAY, TRANSACTION_ID, InputError
from expectations.findings import EXAMPLES, Validated, describe
from expectations.profile import Profile

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
    own: "gx.ExpectationSuite | None" = None,
    docs: Path | None = None,
) -> Validated:
    """Check what one pass saw of a table against a suite.

    Args:
        profile: of the table.
        suite: from `expectations.suites`.
        table: its name and version, for messages.
        own: the user's expectations, which run on the columns that the pass kept.
        docs: folder that receives the Data Docs.

    Raises:
        InputError: when the table has no rows; Great Expectations would pass it.
    """
    if profile.rows == 0:
        raise InputError(f"{table} has no rows to validate. Ingest transactions first.")
    context = open_context()
    runs = {table: _run(context, profile.days, suite, name=table, keys=[EVENT_DAY])}
    if own is not None and profile.kept is not None:
        name = f"{table}, own expectations"
        runs[name] = _run(context, profile.kept, own, name=name, keys=[TRANSACTION_ID])
    findings = tuple(
        describe(item, profile.examples)
        for run in runs.values()
        for item in run.results
        if not item.success
    )
    page = None if docs is None else _write_docs(context, runs, docs)
    return Validated(
        table, profile.rows, sum(len(run.results) for run in runs.values()), findings, page
    )


def quiet_great_expectations() -> None:
    """Silence usage statistics and 200 log lines; call before the library's first import."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("TQDM_DISABLE", "1")
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    # It imports pyspark's pandas API, which we do not use. Can go when pyspark supports pandas 3.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)


def open_context() -> "EphemeralDataContext":
    """A context that keeps nothing and draws no progress bars."""
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
    """Rows as Great Expectations takes them."""
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    whole = asset.add_batch_definition_whole_dataframe("all")
    return whole.get_batch(batch_parameters={"dataframe": _plain(rows).to_pandas()})


def _write_docs(
    context: "EphemeralDataContext",
    runs: Mapping[str, "ExpectationSuiteValidationResult"],
    folder: Path,
) -> str:
    """Write results as pages in place of what was there; the first's address."""
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    shutil.rmtree(folder, ignore_errors=True)
    for name, result in runs.items():
        # What a validation definition would do. It would also compare each expectation with each.
        run = RunIdentifier()
        result.meta["run_id"], result.meta["validation_time"] = run, run.run_time
        result.meta["batch_parameters"] = None
        result.meta["validation_id"] = result.meta["checkpoint_id"] = None
        suite = ExpectationSuiteIdentifier(name=result.suite_name)
        key = ValidationResultIdentifier(
            expectation_suite_identifier=suite, run_id=run, batch_identifier=name
        )
        context.validation_results_store.set(key, result)
    for site in list(context.get_site_names()):
        context.delete_data_docs_site(site)
    context.add_data_docs_site(
        "docs",
        {
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(folder.absolute()),
            },
        },
    )
    return str(context.build_data_docs()["docs"])


def _plain(rows: pa.Table) -> pa.Table:
    """Timestamps without zone (all are UTC): Great Expectations compares them as they are."""
    for index, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type):
            values = rows.column(index).cast(pa.timestamp("us"))
            rows = rows.set_column(index, field.name, values)
    return rows
