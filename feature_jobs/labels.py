"""Labels as the kernel sees them: what became known of a row, and when.

A label may be corrected, so a row has a list of what was known of it: times and values. Only rows
that were ever called a fraud have one; what says "legitimate" from the start adds nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from expectations.contract import KNOWN_TIME, LABEL, TRANSACTION_ID

LABEL_TIMES, LABEL_VALUES = "label_times", "label_values"

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def load_known_frauds(files: Sequence[str]) -> pa.Table:
    """What became known of each row that was ever called a fraud.

    Frauds are few, so they are read here, in one process and batch by batch, and sent to every
    worker; no transaction has to be shuffled to meet its label.

    Args:
        files: Parquet files with `transaction_id`, `known_time`, `is_fraud`; several lines where a
            label was corrected, and of two that became known at one time the one that says fraud
            counts.

    Returns:
        `transaction_id` and two lists, times in microseconds and values, both by time.
    """
    lines = ds.dataset(list(files), format="parquet")
    columns = [TRANSACTION_ID, KNOWN_TIME, LABEL]
    frauds = lines.to_table(columns=columns, filter=pc.field(LABEL) == 1)
    accused = pc.unique(frauds[TRANSACTION_ID])
    taken_back = (pc.field(LABEL) == 0) & pc.field(TRANSACTION_ID).isin(accused)
    known = pa.concat_tables([frauds, lines.to_table(columns=columns, filter=taken_back)])
    known = known.sort_by([(c, "ascending") for c in columns]).combine_chunks()
    ids = known[TRANSACTION_ID].combine_chunks()
    changed = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    starts = np.flatnonzero(np.append(True, changed)[: len(ids)])  # noqa: FBT003
    offsets = pa.array(np.append(starts, len(ids)), pa.int32())
    times = known[KNOWN_TIME].combine_chunks().cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    values = known[LABEL].combine_chunks().cast(pa.int32())
    return pa.table(
        {
            TRANSACTION_ID: ids.take(pa.array(starts)),
            LABEL_TIMES: pa.ListArray.from_arrays(offsets, times),
            LABEL_VALUES: pa.ListArray.from_arrays(offsets, values),
        }
    )


def is_labelled(rows: pa.Table) -> Bools:
    """Rows of which something is known."""
    valid: Bools = rows[LABEL_TIMES].combine_chunks().is_valid().to_numpy(zero_copy_only=False)
    return valid


@dataclass(frozen=True, slots=True)
class Items:
    """Changes of what is known, by history, then time, then row.

    Attributes:
        starts: where each history's items begin, and at last their number.
        rows, enters, changes: the row, when the change is visible, +1 or -1.
    """

    starts: Int64s
    rows: Int64s
    enters: Int64s
    changes: Int64s


def label_items(rows: pa.Table, starts: Int64s, events: Int64s, *, delay: int) -> Items:
    """The changes of sorted rows.

    Args:
        rows: with both list columns.
        starts: where each history begins, and at last the number of rows.
        events: event times in microseconds.
        delay: how long after its event a label is visible at the earliest, in microseconds.
    """
    times, values = (rows[c].combine_chunks() for c in (LABEL_TIMES, LABEL_VALUES))
    lengths = pc.fill_null(pc.list_value_length(times), 0).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(rows.num_rows), lengths)
    known = times.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
    value = values.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
    is_first = np.append(True, row[1:] != row[:-1])[: len(row)]  # noqa: FBT003
    changes = value - np.where(is_first, 0, np.append(0, value[:-1])[: len(row)])
    # Of several lines of one time the last, which says fraud, stands: the others cancel out.
    enters = np.maximum(known, events[row] + delay)
    history = np.searchsorted(starts, row, side="right") - 1
    order = np.lexsort((row, enters, history))
    order = order[changes[order] != 0]
    ends = np.searchsorted(history[order], np.arange(len(starts)))
    return Items(ends.astype(np.int64), row[order], enters[order], changes[order])
