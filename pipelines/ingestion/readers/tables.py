"""The tables of a spec, opened for reading."""

import pyarrow as pa

from pipelines.config import JoinedTable, ModelSpec, reports_dialect
from pipelines.ingestion.readers.fields import (
    filed_type_problems,
    joined_fields,
    report_fields,
    transaction_fields,
)
from pipelines.ingestion.readers.table_reader import TableReader


def open_transactions(spec: ModelSpec, *, filed: pa.Schema | None) -> TableReader:
    """Open the transactions of a spec.

    Args:
        spec: with the address, the format and the roles.
        filed: schema of the lake's table; a type that is filed decides.
    """
    return TableReader(
        transaction_fields(spec, filed),
        address=spec.source.path,
        form=spec.source.format,
        dialect=spec.source,
        table="source",
        spec_name=spec.name,
        problems=filed_type_problems(spec, filed),
    )


def open_reports(spec: ModelSpec, *, filed: pa.Schema | None) -> TableReader | None:
    """Open the fraud reports of a spec; None where its label is a column."""
    if spec.labels.path is None:
        return None
    return TableReader(
        report_fields(spec, filed),
        address=spec.labels.path,
        form=spec.labels.format or spec.source.format,
        dialect=reports_dialect(spec.source, spec.labels),
        table="labels",
        spec_name=spec.name,
    )


def open_joined(spec: ModelSpec, table: JoinedTable, *, keys: pa.Schema) -> TableReader:
    """Open a joined table of a spec.

    Args:
        spec: with the format and the dialect of its source.
        table: one of its tables.
        keys: canonical columns of transactions; the table's keys are read as these.
    """
    return TableReader(
        joined_fields(spec, table, keys),
        address=table.path,
        form=table.format or spec.source.format,
        dialect=reports_dialect(spec.source, table),
        table=f"source.tables.{table.name}",
        spec_name=spec.name,
    )
