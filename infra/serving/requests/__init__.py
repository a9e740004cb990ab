"""Bodies of requests: JSON and CSV to rows."""

from infra.serving.requests.csv_body import CsvReader, write_csv
from infra.serving.requests.json_body import JsonReader
from infra.serving.requests.request import Request

__all__ = [
    "CsvReader",
    "JsonReader",
    "Request",
    "write_csv",
]
