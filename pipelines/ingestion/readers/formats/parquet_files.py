"""Reads Parquet, one row group after the other, so that a file of any size takes bounded memory."""

from collections.abc import Generator, Sequence
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from feature_jobs.io import resolve
from pipelines.config import Dialect
from pipelines.ingestion.readers.formats.listing import Listing, Position, SourceFile, list_files

_READ_AHEAD = 1 << 20  # bytes of a column chunk


class ParquetFormat:
    """Files of Apache Parquet."""

    endings: ClassVar[tuple[str, ...]] = (".parquet", ".parq", ".pq")
    row_word = "row"

    def files(self, address: str, *, key: str, since: Position | None) -> Listing:
        """List the files of an address."""
        del since
        found = list_files(address, key=key, form="parquet", endings=self.endings)
        if any(name.startswith("_delta_log/") for name in found.left_out):
            table = key.partition(".")[0]
            return Listing(
                problems=[f'{key}: {address} is a Delta table; state {table}.format = "delta"']
            )
        return found

    def schema(self, file: SourceFile, dialect: Dialect, *, columns: Sequence[str]) -> pa.Schema:
        """Read the schema in the file's footer."""
        del dialect, columns
        filesystem, path = resolve(file.address)
        with filesystem.open_input_file(path) as opened:
            return pq.read_schema(opened)

    def batches(
        self, file: SourceFile, dialect: Dialect, *, columns: Sequence[str], rows: int
    ) -> Generator[pa.RecordBatch]:
        """Read columns of each row group."""
        del dialect
        filesystem, path = resolve(file.address)
        with filesystem.open_input_file(path) as opened:
            parquet = pq.ParquetFile(opened, buffer_size=_READ_AHEAD)
            for group in range(parquet.num_row_groups):
                yield from parquet.iter_batches(
                    batch_size=rows, row_groups=[group], columns=list(columns)
                )

    def place(self, file: SourceFile, dialect: Dialect, row: int) -> int:
        """Return the row: there are no lines."""
        del file, dialect
        return row
