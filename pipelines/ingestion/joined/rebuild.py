"""Repair of damaged parts of joined tables, from all of their files."""

from collections.abc import Callable, Iterator
from datetime import datetime
from tempfile import TemporaryDirectory

import pyarrow as pa

from pipelines.config import ModelSpec
from pipelines.ingestion.filing import scratch_folder
from pipelines.ingestion.joined.joined_tables import JoinedTables
from pipelines.ingestion.joined.stored_table import StoredTable
from pipelines.ingestion.manifest import Manifest
from pipelines.ingestion.readers import TableReader
from pipelines.lake import JOINED, Lake, repair_parts


def repair_joined(
    spec: ModelSpec, lake: Lake, transactions: TableReader, *, manifest: Manifest, now: datetime
) -> Iterator[tuple[int, int]]:
    """Write damaged parts of joined tables again, as their files give them in order of arrival.

    Yields:
        Of each table with damaged parts, how many were written and how many are damaged.
    """
    names = [f"{JOINED}{table.name}" for table in spec.source.tables]
    versions = [version for name in names if (version := lake.latest(name)) is not None]
    damaged = {version.name for version in versions if lake.find_damage(version)}
    if not damaged:
        return
    with TemporaryDirectory(dir=scratch_folder()) as folder:
        tables = JoinedTables(spec, Lake(folder, spec=spec.name), transactions)
        for table in tables.read_singly(manifest, now):
            if table.name in damaged:
                yield repair_parts(lake, table.name, _rows_of(table))


def _rows_of(table: StoredTable) -> Callable[[str, pa.Table], pa.Table | None]:
    def rebuild(month: str, base: pa.Table) -> pa.Table | None:
        return None if base.num_rows else table.read(month)

    return rebuild
