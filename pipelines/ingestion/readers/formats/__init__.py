"""Formats of a source's files, each read into Arrow batches with the file's own names and types."""

from pipelines.ingestion.readers.formats.listing import Listing, SourceFile, list_files, name_of
from pipelines.ingestion.readers.formats.registry import FORMATS, Format
from pipelines.ingestion.readers.formats.text_stream import open_bytes

__all__ = [
    "FORMATS",
    "Format",
    "Listing",
    "SourceFile",
    "list_files",
    "name_of",
    "open_bytes",
]
