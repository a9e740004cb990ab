"""Opens text files, compressed or not, as streams of bytes or of text."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from feature_jobs.io import resolve
from pipelines.config import Dialect
from pipelines.ingestion.readers.formats.listing import COMPRESSIONS, SourceFile


@contextmanager
def open_bytes(file: SourceFile) -> Iterator[pa.NativeFile]:
    """Open a file; one whose name says that it is compressed is read through its codec."""
    filesystem, path = resolve(file.address)
    codec = next((c for ending, c in COMPRESSIONS.items() if path.lower().endswith(ending)), None)
    with filesystem.open_input_stream(path, compression=codec) as stream:
        yield stream


class EncodingError(ValueError):
    """A text that is not in the encoding that it should have."""


@contextmanager
def open_text(file: SourceFile, dialect: Dialect, *, errors: str) -> Iterator[io.TextIOWrapper]:
    """Open a file as text, line ends as they are; a byte order mark is skipped."""
    with open_bytes(file) as stream:
        yield io.TextIOWrapper(
            io.BufferedReader(stream), encoding_of(dialect), newline="", errors=errors
        )


def refuse_other_encoding(file: SourceFile, dialect: Dialect) -> None:
    """Raise an error on the first line that is not in the dialect's encoding.

    Raises:
        EncodingError: with its number.
    """
    with open_text(file, dialect, errors="replace") as text:
        for number, line in enumerate(text, start=1):
            if "\ufffd" in line:
                raise EncodingError(f"line {number} is not {dialect.encoding or 'UTF-8'}")


def encoding_of(dialect: Dialect) -> str:
    """Return Python's name of the encoding; UTF-8 may begin with a byte order mark."""
    named = codecs.lookup(dialect.encoding or "utf-8").name
    return "utf-8-sig" if named == "utf-8" else named
