"""Values of every type as canonical ones: numbers, times, ids and categories; missing is null."""

from pipelines.ingestion.readers.values.keys import key_type_of, read_categories, read_keys
from pipelines.ingestion.readers.values.numbers import is_text, plain, read_numbers
from pipelines.ingestion.readers.values.times import read_times
from pipelines.ingestion.readers.values.unusable import UnusableTypeError, UnusableValueError

__all__ = [
    "UnusableTypeError",
    "UnusableValueError",
    "is_text",
    "key_type_of",
    "plain",
    "read_categories",
    "read_keys",
    "read_numbers",
    "read_times",
]
