"""Reads CSV: every cell as text, whose meaning its role decides, never the other cells.

Types that are guessed from values lose zeros in front, and differ from one delivery to the next.
"""

import csv
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import ClassVar

import pyarrow as pa
import pyarrow.csv

from pipelines.config import Dialect
from pipelines.ingestion.readers.formats.listing import Listing, Position, SourceFile, list_files
from pipelines.ingestion.readers.formats.text_stream import (
    encoding_of,
    open_bytes,
    open_text,
    refuse_other_encoding,
)

_BLOCK = 8 << 20  # bytes that are parsed at once
_LONGEST_CELL = 1 << 27


class RaggedRowError(ValueError):
    """A row of another number of cells than the header has."""


class CsvFormat:
    """Files of cells between delimiters, the first row with the names."""

    endings: ClassVar[tuple[str, ...]] = (".csv", ".tsv", ".psv")
    row_word = "line"

    def files(self, address: str, *, key: str, since: Position | None) -> Listing:
        """List the files of an address."""
        del since
        return list_files(address, key=key, form="csv", endings=self.endings)

    def schema(self, file: SourceFile, dialect: Dialect, *, columns: Sequence[str]) -> pa.Schema:
        """Read the header.

        Raises:
            EncodingError: when the first lines are of another encoding.
        """
        del columns
        try:
            with _records(file, dialect, errors="strict") as records:
                header = next(records, None)
        except UnicodeError:
            refuse_other_encoding(file, dialect)
            raise
        if header is None:
            raise ValueError("it has no header")
        return pa.schema([pa.field(name, pa.string()) for _, name in enumerate(header[1])])

    def batches(
        self, file: SourceFile, dialect: Dialect, *, columns: Sequence[str], rows: int
    ) -> Generator[pa.RecordBatch]:
        """Read cells as text.

        Raises:
            RaggedRowError: at the first row of another width than the header.
            EncodingError: at the first line of another encoding.
        """
        encoding = encoding_of(dialect)
        options = {
            "read_options": pyarrow.csv.ReadOptions(
                block_size=_BLOCK, encoding="utf8" if encoding == "utf-8-sig" else encoding
            ),
            "parse_options": pyarrow.csv.ParseOptions(
                delimiter=dialect.delimiter or ",", newlines_in_values=True
            ),
            "convert_options": pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                include_columns=list(columns),
                strings_can_be_null=False,
            ),
        }
        try:
            with open_bytes(file) as stream:
                for batch in pyarrow.csv.open_csv(stream, **options):
                    yield from _divided(batch, rows)
        except (pa.ArrowInvalid, UnicodeError) as error:
            if isinstance(error, UnicodeError) or "UTF8" in str(error):
                refuse_other_encoding(file, dialect)
            self._explain(file, dialect, error)
            raise

    def place(self, file: SourceFile, dialect: Dialect, row: int) -> int:
        """Return the line on which a row ends, the header not counted as one."""
        with _records(file, dialect) as records:
            return next(islice(records, row, None))[0]

    def _explain(self, file: SourceFile, dialect: Dialect, error: Exception) -> None:
        """Raise what the parser's error means, without the row that it prints."""
        try:
            with _records(file, dialect) as records:
                width = len(next(records)[1])
                for line, cells in records:
                    if len(cells) != width:
                        raise RaggedRowError(
                            f"line {line} has {len(cells)} cells, the header {width}"
                        ) from error
        except (csv.Error, StopIteration):
            pass


@contextmanager
def _records(
    file: SourceFile, dialect: Dialect, *, errors: str = "replace"
) -> Iterator[Iterator[tuple[int, list[str]]]]:
    """Read the rows of a file one by one, each with the line on which it ends."""
    csv.field_size_limit(_LONGEST_CELL)
    with open_text(file, dialect, errors=errors) as text:
        reader = csv.reader(text, delimiter=dialect.delimiter or ",")
        yield ((reader.line_num, cells) for cells in reader if cells)


def _divided(batch: pa.RecordBatch, rows: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)
