"""Parts of a table: one Parquet file of one event day, named by the hash of its bytes."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from expectations.contract import EVENT_DAY
from feature_jobs.io import name_part, publish


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file of one event day, already under the table's folder."""

    path: str
    day: str
    rows: int
    size_bytes: int


def split_days(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Split rows that are ordered by event day into days with their rows."""
    rows = rows.combine_chunks()
    runs = pc.run_end_encode(rows[EVENT_DAY].combine_chunks())
    start = 0
    for day, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        yield day, rows.slice(start, end - start)
        start = end


def encode_part(rows: pa.Table) -> bytes:
    """Encode rows as the bytes of a part."""
    buffer = BytesIO()
    pq.write_table(rows, buffer, compression="zstd", store_schema=False)
    return buffer.getvalue()


def write_part(address: str, day: str, rows: pa.Table) -> Part:
    """Write rows of one day below a table's folder; they are visible once committed."""
    content = encode_part(rows)
    path = name_part(day, content)
    publish(f"{address}/{path}", content)
    return Part(path, day, rows.num_rows, len(content))
