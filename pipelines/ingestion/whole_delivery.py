"""Whole deliveries of a spec, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from tempfile import TemporaryDirectory

import pyarrow as pa

from expectations.contract import InputError, ProblemsError, refuse_any
from pipelines.config import ModelSpec
from pipelines.ingestion.filing import scratch_folder
from pipelines.ingestion.joined import JoinedTables
from pipelines.ingestion.manifest import Manifest
from pipelines.ingestion.readers import SourceFile, TableReader, open_reports, open_transactions
from pipelines.lake import Lake


@dataclass(frozen=True, slots=True)
class WholeDelivery:
    """Delivered rows in canonical columns.

    Attributes:
        rows: one row a transaction; with a column `is_fraud` where the spec names one.
        reports: fraud reports (`transaction_id`, `known_time`) where the spec names a table.
        received_at: modification time of the latest file; no row can have happened later.
        name: the file's or folder's name.
    """

    rows: pa.Table
    reports: pa.Table | None
    received_at: datetime
    name: str


def load_delivery(spec: ModelSpec, *, filed: pa.Schema | None = None) -> WholeDelivery:
    """Read the source and the reports of a spec.

    Args:
        spec: with the addresses, formats and roles.
        filed: schema of the lake's transactions; a type that is filed decides.

    Raises:
        ProblemsError: naming every file, column and value that cannot be used.
    """
    where = scratch_folder() if spec.source.tables else None
    with TemporaryDirectory(dir=where) as folder:
        return _load(spec, filed, Lake(folder, spec=spec.name))


def _load(spec: ModelSpec, filed: pa.Schema | None, scratch: Lake) -> WholeDelivery:
    source, reports = open_transactions(spec, filed=filed), open_reports(spec, filed=filed)
    manifest = Manifest([], latest_as_of=None, at=None)
    files, reported = source.files(), [] if reports is None else reports.files()
    problems = source.problems(files)
    if reports is not None:
        problems += reports.problems(reported)
    joined = JoinedTables(spec, scratch, source)
    problems += joined.compare(manifest)
    refuse_any(f"the source of {spec.name}", problems)
    rows, problems = _read(source, files)
    report_rows = None
    if reports is not None:
        report_rows, found = _read(reports, reported)
        problems += found
    refuse_any(f"the source of {spec.name}", problems)
    if rows.num_rows == 0:
        raise InputError(f"{source.name} holds no rows. Give source.path a file with transactions.")
    joined.read(manifest, datetime.now(UTC))
    rows = joined.join(rows)
    received_at = max(
        (file.received_at for file in files), default=datetime.min.replace(tzinfo=UTC)
    )
    return WholeDelivery(rows, report_rows, received_at, source.name)


def _read(reader: TableReader, files: Sequence[SourceFile]) -> tuple[pa.Table, list[str]]:
    """Read all rows; problems of each file instead of the rows of those that have some."""
    tables: list[pa.Table] = [reader.empty()]
    problems: list[str] = []
    for file in files:
        try:
            tables += reader.batches(file)
        except ProblemsError as error:
            problems += error.problems
    return pa.concat_tables(tables), problems
