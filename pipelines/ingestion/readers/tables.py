"""The tables of a spec, opened for reading."""

import pyarrow as pa

from pipelines.config import (
    JoinedTable,
    Labels,
    ModelSpec,
    Source,
    column_of,
    reports_dialect,
)
from pipelines.ingestion.readers.fields import (
    filed_type_problems,
    joined_fields,
    report_fields,
    transaction_fields,
)
from pipelines.ingestion.readers.formats import DeltaFormat, Format
from pipelines.ingestion.readers.table_reader import TableReader


def open_transactions(spec: ModelSpec, *, filed: pa.Schema | None) -> TableReader:
    """Open the transactions of a spec.

    Args:
        spec: with the address, the format and the roles.
        filed: schema of the lake's table; a type that is filed decides.
    """
    source = spec.source
    form = "query" if source.query is not None else source.format
    named = source.roles.transaction_id
    keys = [named] if isinstance(named, str) else [*named.columns]
    return TableReader(
        transaction_fields(spec, filed),
        address=_address(source, source.connection),
        form=form,
        reads=_format(source, form, source.connection, keys),
        dialect=spec.source,
        table="source",
        spec_name=spec.name,
        problems=filed_type_problems(spec, filed),
    )


def open_reports(spec: ModelSpec, *, filed: pa.Schema | None) -> TableReader | None:
    """Open the fraud reports of a spec; None where its label is a column."""
    labels = spec.labels
    if labels.path is None and labels.query is None:
        return None
    form = "query" if labels.query is not None else labels.format or spec.source.format
    connection = labels.connection or spec.source.connection
    keys = [labels.transaction_id or "", column_of(labels.known_time or "")]
    return TableReader(
        report_fields(spec, filed),
        address=_address(labels, connection),
        form=form,
        reads=_format(labels, form, connection, keys, table="labels"),
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


def _address(origin: Source | Labels, connection: str | None) -> str:
    """Return the address of a table as messages show it; of a query, its connection."""
    return origin.path or f"{connection} query"


def _format(
    origin: Source | Labels, form: str, connection: str | None, keys: list[str], *,
    table: str = "source",
) -> Format | None:  # fmt: skip
    """Return the format that reads a table where it depends on the spec; None: the registry's."""
    if origin.query is not None and connection is not None:
        # Loads the drivers, which takes as long as a small night.
        from pipelines.ingestion.readers.formats.queries import QueryFormat

        return QueryFormat(origin.query, connection, origin.incremental, origin.overlap, table)
    return DeltaFormat(keys, is_full=origin.is_full) if form == "delta" else None
