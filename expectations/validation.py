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
from expectations.findings import Validated, describe
from expectations.profile import EXAMPLES, Profile

if TYPE_CHECKING:
    import great_expectations as gx
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResult,
    )
    from great_expectations.data_context import EphemeralDataContext


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
    context = _open_context()
    runs = [_run(context, profile.days, suite, name=table, keys=[EVENT_DAY])]
    if own is not None and profile.kept is not None:
        runs.append(
            _run(
                context, profile.kept, own, name=f"{table}, own expectations", keys=[TRANSACTION_ID]
            )
        )
    findings = tuple(
        describe(item, profile.examples) for run in runs for item in run.results if not item.success
    )
    page = None if docs is None else _write_docs(context, docs)
    return Validated(table, profile.rows, sum(len(r.results) for r in runs), findings, page)


def quiet_great_expectations() -> None:
    """Silence usage statistics and 200 log lines; call before the library's first import."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("TQDM_DISABLE", "1")
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    # It imports pyspark's pandas API, which we do not use. Can go when pyspark supports pandas 3.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)


def _open_context() -> "EphemeralDataContext":
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
    import great_expectations as gx

    asset = context.data_sources.add_or_update_pandas(name).add_dataframe_asset(name)
    whole = asset.add_batch_definition_whole_dataframe("all")
    definition = gx.ValidationDefinition(
        name=name, data=whole, suite=context.suites.add_or_update(suite)
    )
    wanted: Mapping[str, object] = {
        "result_format": "COMPLETE" if keys else "SUMMARY",
        "partial_unexpected_count": EXAMPLES,
    }
    if keys:
        wanted = {**wanted, "unexpected_index_column_names": list(keys)}
    return context.validation_definitions.add_or_update(definition).run(
        batch_parameters={"dataframe": plain(rows).to_pandas()}, result_format=dict(wanted)
    )


def _write_docs(context: "EphemeralDataContext", folder: Path) -> str:
    """Write the results of a context as pages in place of what was there; the first's address."""
    shutil.rmtree(folder, ignore_errors=True)
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


def plain(rows: pa.Table) -> pa.Table:
    """Timestamps without zone (all are UTC): Great Expectations compares them as they are."""
    for index, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type):
            values = rows.column(index).cast(pa.timestamp("us"))
            rows = rows.set_column(index, field.name, values)
    return rows
