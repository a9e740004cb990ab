"""Data files of a table: one Parquet file of one event day, named by the hash of its bytes."""

from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq

from expectations.contract import TRANSACTION_ID
from feature_jobs.io.naming import name_part
from feature_jobs.io.storage import publish

ROW_GROUP = 131_072


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of one event day.

    Attributes:
        path: relative to the table's folder.
        day: of its rows, as `2025-01-01`; empty in a table without event days.
        known_from: the earliest known time of its rows; None where it was not recorded.
        known_until: the latest.
    """

    path: str
    day: str
    rows: int
    size_bytes: int
    known_from: datetime | None = field(default=None, compare=False)
    known_until: datetime | None = field(default=None, compare=False)


def write_data_file(
    folder: str,
    day: str,
    content: bytes,
    *,
    rows: int,
    known: tuple[datetime, datetime] | None = None,
) -> DataFile:
    """Write encoded rows of one day below a table's folder; a commit makes them visible.

    Args:
        folder: of the table.
        day: of the rows; empty in a table without event days.
        content: the encoded rows.
        rows: their number.
        known: their earliest and latest known time, where the table has one.
    """
    path = name_part(day, content)
    publish(f"{folder}/{path}", content)
    return DataFile(path, day, rows, len(content), *(known or (None, None)))


def encode_features(rows: pa.Table) -> bytes:
    """Encode rows as Parquet bytes that depend on the rows alone, not on their batches."""
    plain = pa.schema([pa.field(x.name, _plain(x.type)) for x in rows.schema])
    # Rows are in the order of time and id, so both rise in small steps.
    rising = [x.name for x in plain if _rises(x)]
    # Doubles hardly repeat: a dictionary of them costs time and makes the file larger.
    repeated = [x.name for x in plain if not pa.types.is_floating(x.type) and not _rises(x)]
    sink = BytesIO()
    pq.write_table(
        rows.cast(plain).combine_chunks(),
        sink,
        compression="zstd",
        row_group_size=ROW_GROUP,
        use_dictionary=repeated,
        column_encoding=dict.fromkeys(rising, "DELTA_BINARY_PACKED"),
    )
    return sink.getvalue()


def _rises(field: pa.Field) -> bool:
    if field.name == TRANSACTION_ID:
        return bool(pa.types.is_integer(field.type))
    return bool(pa.types.is_timestamp(field.type))


def _plain(kind: pa.DataType) -> pa.DataType:
    return pa.timestamp("us", tz="UTC") if pa.types.is_timestamp(kind) else kind
