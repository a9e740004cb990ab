"""Columnar blocks: the unit that Spark moves between the stages of the job.

A block is a whole Arrow table as bytes, with the partition (the task of the next stage) and the
feature group it belongs to. Spark shuffles, retries and spills blocks as it does rows, and never
looks inside; so a shuffle costs a copy of the bytes, not a conversion of every value
(infra/decisions/0005).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame

from expectations.contract import OvernightError

PARTITION, GROUP, BLOCK = "partition_id", "group_id", "block"
LARGEST = (1 << 31) - (1 << 20)
BLOCKS = f"{PARTITION} int, {GROUP} int, {BLOCK} binary"


def pack(table: pa.Table) -> pa.Buffer:
    """Write a table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def unpack(block: pa.Scalar) -> pa.Table:
    """Read the table of a block."""
    return pa.ipc.open_stream(block.as_buffer()).read_all()


def binary(content: pa.Buffer) -> pa.Array:
    """Make a binary column of one value, without a copy.

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


def frame(partition: int, group: int, content: pa.Buffer) -> pa.RecordBatch:
    """Make one row of a block frame."""
    columns = [pa.array([partition], pa.int32()), pa.array([group], pa.int32())]
    return pa.RecordBatch.from_arrays([*columns, binary(content)], names=[PARTITION, GROUP, BLOCK])


def spread(
    table: pa.Table, partitions: npt.NDArray[np.int64], *, group: int
) -> Iterator[pa.RecordBatch]:
    """Make one block for each partition that rows of a table go to, rows in their order."""
    # Radix sort needs small integers.
    order = np.argsort(
        partitions.astype(np.uint16) if _is_small(partitions) else partitions, kind="stable"
    )
    rows, sorted_partitions = table.take(pa.array(order)), partitions[order]
    starts = np.flatnonzero(np.diff(sorted_partitions, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        yield frame(int(sorted_partitions[start]), group, pack(rows.slice(start, end - start)))


def collect(batches: Iterator[pa.RecordBatch]) -> dict[int, list[pa.Scalar]]:
    """Collect the blocks of a task, by group."""
    held: dict[int, list[pa.Scalar]] = {}
    for batch in batches:
        for group, block in zip(batch[GROUP].to_pylist(), batch[BLOCK], strict=True):
            held.setdefault(group, []).append(block)
    return held


def send(blocks: DataFrame, partitions: int) -> DataFrame:
    """Shuffle blocks to their partitions, `0 <= partition < partitions`."""
    return blocks.repartitionById(partitions, PARTITION)


def _is_small(partitions: npt.NDArray[np.int64]) -> bool:
    return len(partitions) > 0 and int(partitions.max()) < 1 << 16
