"""The total order of rows, (event time, transaction id, known time), on Arrow columns."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Int64s = npt.NDArray[np.int64]
Number = TypeVar("Number", np.int64, np.float64)


def time_order(events: Int64s, ids: pa.ChunkedArray, known: Int64s | None = None) -> Int64s:
    """Sort row numbers by (event time, transaction id, known time).

    Rows that come as a few sorted runs, as they do from the lake, cost little: the sort by time is
    a merge, and ids are compared only where times are equal.

    Args:
        events: event times in microseconds.
        ids: transaction ids, integers or text.
        known: known times in microseconds; None where no id stands twice.
    """
    order = np.argsort(events, kind="stable")
    times = events[order]
    same = times[1:] == times[:-1]
    if same.any():
        tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
        rows = order[tied]
        keys = (_ranks(ids.take(pa.array(rows))), events[rows])
        order[tied] = rows[np.lexsort(keys if known is None else (known[rows], *keys))]
    found: Int64s = order
    return found


def integers(column: pa.ChunkedArray) -> Int64s:
    """Convert an Arrow column without nulls to integers; times to microseconds since 1970."""
    array = column.combine_chunks()
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return owned(array.cast(pa.int64()).to_numpy(zero_copy_only=False))


def owned(values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Return a writeable array, copied if need be: compiled code takes one kind of array."""
    return values if values.flags.writeable else values.copy()


def encode(columns: list[pa.ChunkedArray]) -> Int64s:
    """Encode each row's combination of values as a number from 0 on; -1 where one is null."""
    codes: Int64s | None = None
    for column in columns:
        encoded = column.combine_chunks().dictionary_encode()
        own = pc.fill_null(encoded.indices, -1).cast(pa.int64()).to_numpy(zero_copy_only=False)
        if codes is None:
            codes = own
            continue
        paired = codes * (len(encoded.dictionary) + 1) + own
        pairs = pa.array(paired, mask=(codes < 0) | (own < 0)).dictionary_encode()
        codes = pc.fill_null(pairs.indices, -1).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return np.empty(0, dtype=np.int64) if codes is None else owned(codes)


def _ranks(ids: pa.ChunkedArray) -> Int64s:
    if pa.types.is_integer(ids.type):
        return integers(ids)
    ranks: Int64s = pc.rank(ids.combine_chunks(), tiebreaker="dense").to_numpy().astype(np.int64)
    return ranks
