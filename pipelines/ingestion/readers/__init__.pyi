from .canonical import NO_DAY, TIMESTAMP, only_known, with_day
from .formats import FORMATS, SourceFile, name_of
from .inspection import Sample, read_sample
from .table_reader import TableReader
from .tables import open_joined, open_reports, open_transactions

__all__ = [
    "FORMATS",
    "NO_DAY",
    "TIMESTAMP",
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
