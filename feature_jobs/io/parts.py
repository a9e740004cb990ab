"""Parts: one Parquet file of one event day, named by the hash of its bytes, not yet visible."""

from dataclasses import dataclass
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq

from expectations.contract import TRANSACTION_ID
from feature_jobs.io.naming import name_part
from feature_jobs.io.storage import publish

ROW_GROUP = 131_072


@dataclass(frozen=True, slots=True)
class WrittenPart:
    """One Parquet file of one event day; `path` is relative to the target folder."""

    path: str
    day: str
    rows: int
    size_bytes: int


def write_part(rows: pa.Table, day: str, *, target: str) -> WrittenPart:
    """Write the rows of a day, in their order; the same rows give the same name and bytes."""
    content = _encode(rows)
    path = name_part(day, content)
    publish(f"{target}/{path}", content)
    return WrittenPart(path, day, rows.num_rows, len(content))


def _encode(rows: pa.Table) -> bytes:
    """Encode as Parquet bytes that depend on the rows alone, not on their batches."""
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
