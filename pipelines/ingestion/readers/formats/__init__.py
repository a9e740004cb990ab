"""Formats of a source's files, each read into Arrow batches with the file's own names and types."""

from pipelines.ingestion.readers.formats.delta_tables import DELETED, DeltaFormat
from pipelines.ingestion.readers.formats.listing import (
    Listing,
    Position,
    SourceFile,
    list_files,
    name_of,
)
from pipelines.ingestion.readers.formats.registry import FORMATS, Format
from pipelines.ingestion.readers.formats.text_stream import open_bytes

__all__ = [
    "DELETED",
    "FORMATS",
    "DeltaFormat",
    "Format",
    "Listing",
    "Position",
    "SourceFile",
    "list_files",
    "name_of",
    "open_bytes",
]
