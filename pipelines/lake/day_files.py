"""The rows of a table by event day, each day encoded and written as a data file."""

from collections.abc import Iterator
from datetime import datetime
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from expectations.contract import EVENT_DAY, KNOWN_TIME
from feature_jobs.io import DataFile, write_data_file


def split_days(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Split rows that are ordered by event day into days with their rows."""
    rows = rows.combine_chunks()
    runs = pc.run_end_encode(rows[EVENT_DAY].combine_chunks())
    start = 0
    for day, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        yield day, rows.slice(start, end - start)
        start = end


def encode_rows(rows: pa.Table) -> bytes:
    """Encode rows of a table that this process commits as the bytes of a data file."""
    buffer = BytesIO()
    pq.write_table(rows, buffer, compression="zstd", store_schema=False)
    return buffer.getvalue()


def write_rows(folder: str, day: str, rows: pa.Table) -> DataFile:
    """Write rows of one day below a table's folder; a commit makes them visible."""
    return write_data_file(
        folder, day, encode_rows(rows), rows=rows.num_rows, known=known_span(rows)
    )


def known_span(rows: pa.Table) -> tuple[datetime, datetime] | None:
    """Return the earliest and latest known time of rows; None where they have none.

    Also None where one lies in a year that Python cannot represent, as in the quarantine.
    """
    if KNOWN_TIME not in rows.column_names:
        return None
    try:
        span = pc.min_max(rows[KNOWN_TIME].cast(pa.timestamp("us", tz="UTC"))).as_py()
    except (ValueError, OverflowError, pa.ArrowException):
        return None
    return None if span["min"] is None else (span["min"], span["max"])
