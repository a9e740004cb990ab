"""Registry of formats: what reads the files of each into Arrow batches.

To add a format: one module with a class that fills `Format`, and one entry here.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from pipelines.config import Dialect
from pipelines.ingestion.readers.formats.csv_files import CsvFormat
from pipelines.ingestion.readers.formats.delta_tables import DeltaFormat
from pipelines.ingestion.readers.formats.json_lines import JsonLinesFormat
from pipelines.ingestion.readers.formats.listing import Listing, Position, SourceFile
from pipelines.ingestion.readers.formats.parquet_files import ParquetFormat


class Format(Protocol):
    """Reads files of one format.

    Attributes:
        endings: of the files' names in a folder, without that of a compression; none: no files.
        row_word: what a message calls a row of such a file: `row` or `line`.
    """

    @property
    def endings(self) -> tuple[str, ...]:  # noqa: D102 -- an attribute
        ...

    @property
    def row_word(self) -> str:  # noqa: D102 -- an attribute
        ...

    def files(self, address: str, *, key: str, since: Position | None) -> Listing:
        """List what there is to read; `key` is the address's key in the spec.

        Args:
            address: as the spec has it.
            key: for messages.
            since: how far the source was read; None: from its beginning. Files do not have it.
        """
        ...

    def schema(self, file: SourceFile, dialect: Dialect, *, columns: Sequence[str]) -> pa.Schema:
        """Read the names and types of a file's columns; `columns` are those that are wanted.

        Raises:
            pa.ArrowException, ValueError, OSError: when the file is not of this format.
        """
        ...

    def batches(
        self, file: SourceFile, dialect: Dialect, *, columns: Sequence[str], rows: int
    ) -> Generator[pa.RecordBatch]:
        """Read columns of a file in batches of at most `rows` rows, in the order of the file.

        Raises:
            pa.ArrowException, ValueError, OSError: when the file cannot be read to its end.
        """
        ...

    def place(self, file: SourceFile, dialect: Dialect, row: int) -> int:
        """Return the line of a row, both counted from 1; a file without lines: the row itself."""
        ...


FORMATS: Mapping[str, Format] = {
    "parquet": ParquetFormat(),
    "csv": CsvFormat(),
    "jsonl": JsonLinesFormat(),
    "delta": DeltaFormat(),
}
