"""Columnar blocks: what Spark moves between the stages of the job.

A block is a whole Arrow table as bytes, with the place (the task of the next stage) and the unit
it belongs to. Spark shuffles, retries and spills blocks as it does rows, and never looks inside;
so a shuffle costs a copy of the bytes, not a conversion of every value (infra/decisions/0005).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame

from expectations.contract import OvernightError

PLACE, UNIT, BLOCK = "place", "unit", "block"
LARGEST = (1 << 31) - (1 << 20)
BLOCKS = f"{PLACE} int, {UNIT} int, {BLOCK} binary"


def pack(table: pa.Table) -> pa.Buffer:
    """A table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def unpack(block: pa.Scalar) -> pa.Table:
    """The table of a block."""
    return pa.ipc.open_stream(block.as_buffer()).read_all()


def binary(content: pa.Buffer) -> pa.Array:
    """A binary column of one value, which is not copied.

    Raises:
        OvernightError: when it is larger than Spark can move.
    """
    if content.size > LARGEST:
        raise OvernightError(
            f"A block of {content.size:,} bytes is larger than Spark can move ({LARGEST:,}). "
            "Declare fewer features, or split the table by entity into two specs."
        )
    ends = pa.py_buffer(np.array([0, content.size], dtype=np.int32))
    return pa.Array.from_buffers(pa.binary(), 1, [None, ends, content])


def frame(place: int, unit: int, content: pa.Buffer) -> pa.RecordBatch:
    """One row of a block frame."""
    columns = [pa.array([place], pa.int32()), pa.array([unit], pa.int32())]
    return pa.RecordBatch.from_arrays([*columns, binary(content)], names=[PLACE, UNIT, BLOCK])


def spread(
    table: pa.Table, places: npt.NDArray[np.int64], *, unit: int
) -> Iterator[pa.RecordBatch]:
    """One block for each place that rows of a table go to, rows in their order."""
    # Radix sort needs small integers.
    order = np.argsort(places.astype(np.uint16) if _is_small(places) else places, kind="stable")
    rows, sorted_places = table.take(pa.array(order)), places[order]
    starts = np.flatnonzero(np.diff(sorted_places, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        yield frame(int(sorted_places[start]), unit, pack(rows.slice(start, end - start)))


def collect(batches: Iterator[pa.RecordBatch]) -> dict[int, list[pa.Scalar]]:
    """Every block of a task, by unit."""
    held: dict[int, list[pa.Scalar]] = {}
    for batch in batches:
        for unit, block in zip(batch[UNIT].to_pylist(), batch[BLOCK], strict=True):
            held.setdefault(unit, []).append(block)
    return held


def send(blocks: DataFrame, places: int) -> DataFrame:
    """Shuffle blocks to their places, `0 <= place < places`."""
    return blocks.repartitionById(places, PLACE)


def _is_small(places: npt.NDArray[np.int64]) -> bool:
    return len(places) > 0 and int(places.max()) < 1 << 16
