"""A few rows of a source as they are, for guesses about how it is written."""

import csv
import io
from collections import Counter
from dataclasses import dataclass

import msgspec
import pyarrow as pa

from expectations.contract import InputError, refuse_any
from pipelines.config import Dialect, FormatName, expand_address, explain_unreadable
from pipelines.ingestion.readers.formats import (
    FORMATS,
    SourceFile,
    list_files,
    name_of,
    open_bytes,
)
from pipelines.ingestion.readers.formats.listing import COMPRESSIONS
from pipelines.lake import is_delta_table

_HEAD = 1 << 18  # bytes that show how a text is written
_DELIMITERS = ",;\t|"
_LINES = 50


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of a source.

    Attributes:
        form: of its files, by their names.
        dialect: delimiter and encoding that its text seems to have; what is usual is left out.
        rows: columns with the file's own names and types.
    """

    form: FormatName
    dialect: Dialect
    rows: pa.Table


def read_sample(address: str, *, rows: int = 100_000) -> Sample:
    """Read the first rows of a file, a folder, a pattern or a Delta table.

    Raises:
        ProblemsError, InputError: when there is none, or it cannot be read.
    """
    form = _form_of(address) or _commonest_form(address)
    listing = FORMATS[form].files(address, key="--from", since=None)
    refuse_any(name_of(address), listing.problems)
    file = listing.files[0]
    try:
        dialect = _guess_dialect(file) if form == "csv" else Dialect()
        schema = FORMATS[form].schema(file, dialect, columns=[])
        names = [name for name, times in Counter(schema.names).items() if times == 1]
        batches = FORMATS[form].batches(file, dialect, columns=names, rows=rows)
        first = next(batches, None)
    except (pa.ArrowException, msgspec.MsgspecError, ValueError, OSError) as error:
        reason = explain_unreadable(error, address)
        raise InputError(
            f"{name_of(address)} cannot be read as {form}: {reason}. Give a file of this format."
        ) from error
    table = schema.empty_table().select(names) if first is None else pa.Table.from_batches([first])
    for name, value in file.partitions().items():
        if name not in table.column_names:
            text = pa.repeat(pa.scalar(value, pa.string()), table.num_rows)
            table = table.append_column(name, text)
    return Sample(form, dialect, table)


def _commonest_form(address: str) -> FormatName:
    """Return the format of most files of a folder."""
    forms: list[FormatName] = ["parquet", "csv", "jsonl"]
    listings = (
        list_files(address, key="--from", form=form, endings=FORMATS[form].endings)
        for form in forms
    )
    counts = {form: len(found.files) for form, found in zip(forms, listings, strict=True)}
    return max(forms, key=lambda form: counts[form])


def _form_of(address: str) -> FormatName | None:
    if _is_table(address):
        return "delta"
    name = name_of(address).lower()
    for ending in COMPRESSIONS:
        name = name.removesuffix(ending)
    if name.endswith((*FORMATS["csv"].endings, ".txt")):
        return "csv"
    if name.endswith(FORMATS["jsonl"].endings):
        return "jsonl"
    return "parquet" if name.endswith(FORMATS["parquet"].endings) else None


def _is_table(address: str) -> bool:
    try:
        return is_delta_table(expand_address(address))
    except (InputError, ValueError, OSError):
        return False  # told when its files are listed


def _guess_dialect(file: SourceFile) -> Dialect:
    with open_bytes(file) as stream:
        head = bytes(stream.read(_HEAD))
    encoding = _guess_encoding(head)
    text = head.decode(encoding or "utf-8-sig", errors="ignore")
    delimiter = max(_DELIMITERS, key=lambda mark: _width(text, mark))
    return Dialect(delimiter=None if delimiter == "," else delimiter, encoding=encoding)


def _guess_encoding(head: bytes) -> str | None:
    """Return the encoding of the first bytes of a file; None for UTF-8."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head[: len(head) - 3 if len(head) == _HEAD else None].decode()
    except UnicodeDecodeError as error:
        # A character that the end of the first bytes cuts is none of another encoding.
        return None if error.start > _HEAD - 8 else "cp1252"
    return None


def _width(text: str, delimiter: str) -> int:
    """Return the number of cells of the header, if most rows have as many."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    widths = []
    try:
        for cells in reader:
            widths.append(len(cells))
            if len(widths) == _LINES:
                break
    except csv.Error:
        pass
    if not widths or widths.count(widths[0]) * 2 <= len(widths):
        return 0
    return widths[0]
