from .canonical import NO_DAY, TIMESTAMP, only_known, with_day
from .formats import DELETED, FORMATS, Position, SourceFile, name_of
from .inspection import Sample, read_sample
from .table_reader import TableReader
from .tables import open_joined, open_reports, open_transactions

__all__ = [
    "DELETED",
    "FORMATS",
    "NO_DAY",
    "TIMESTAMP",
    "Position",
    "Sample",
    "SourceFile",
    "TableReader",
    "name_of",
    "only_known",
    "open_joined",
    "open_reports",
    "open_transactions",
    "read_sample",
    "with_day",
]
