"""Label changes as arrays for the kernels: the row, the time it became known, the change.

A label may be corrected, so a row has a list of what was known of it: times and values. Only rows
that were ever called a fraud have one; what says "legitimate" from the start adds nothing. Of the
versions of a transaction each has the same list, and the part of it counts in which it holds.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import TRANSACTION_ID
from feature_jobs.kernels.visibility import NEVER, Lifetimes

LABEL_TIMES, LABEL_VALUES = "label_times", "label_values"

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def attach_labels(rows: pa.Table, known: pa.Table) -> pa.Table:
    """Append the label history of each row: two lists, or nulls.

    Args:
        rows: with `transaction_id`.
        known: what became known, from `feature_jobs.stages.read`.
    """
    ids = known[TRANSACTION_ID].cast(rows.schema.field(TRANSACTION_ID).type).combine_chunks()
    places = pc.index_in(rows[TRANSACTION_ID], value_set=ids).combine_chunks()
    for name in (LABEL_TIMES, LABEL_VALUES):
        rows = rows.append_column(name, known[name].combine_chunks().take(places))
    return rows


def is_labelled(rows: pa.Table) -> Bools:
    """Return a mask of the rows that have a label history."""
    valid: Bools = rows[LABEL_TIMES].combine_chunks().is_valid().to_numpy(zero_copy_only=False)
    return valid


class Items(NamedTuple):
    """Label changes, by history, then time, then row.

    Attributes:
        starts: where each history's items begin, and at last their number.
        rows, enters, changes: the row, when the change is visible, +1 or -1.
    """

    starts: Int64s
    rows: Int64s
    enters: Int64s
    changes: Int64s


def label_items(
    rows: pa.Table,
    starts: Int64s,
    events: Int64s,
    *,
    delay: int,
    counted: Bools | None = None,
    found: Lifetimes | None = None,
) -> Items:
    """Build the label changes of sorted rows.

    Args:
        rows: with both list columns.
        starts: where each history begins, and at last the number of rows.
        events: event times in microseconds.
        delay: how long after its event a label is visible at the earliest, in microseconds.
        counted: rows whose labels count; None for all.
        found: the rows' lifetimes; None where no row has a later version.
    """
    times, values = (rows[c].combine_chunks() for c in (LABEL_TIMES, LABEL_VALUES))
    lengths = pc.fill_null(pc.list_value_length(times), 0).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(rows.num_rows), lengths)
    known = times.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
    value = values.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
    is_first = np.append(True, row[1:] != row[:-1])[: len(row)]
    changes = value - np.where(is_first, 0, np.append(0, value[:-1])[: len(row)])
    # Of several lines of one time the last, which says fraud, stands: the others cancel out.
    enters = np.maximum(known, events[row] + delay)
    if found is not None:
        row, enters, changes = _within_lifetimes(row, enters, changes, found)
    history = np.searchsorted(starts, row, side="right") - 1
    order = np.lexsort((row, enters, history))
    order = order[changes[order] != 0]
    if counted is not None:
        order = order[counted[row[order]]]
    ends = np.searchsorted(history[order], np.arange(len(starts)))
    return Items(ends.astype(np.int64), row[order], enters[order], changes[order])


def _within_lifetimes(
    row: Int64s, enters: Int64s, changes: Int64s, found: Lifetimes
) -> tuple[Int64s, Int64s, Int64s]:
    """Move changes to the begin of each row's lifetime, and take them back at its end."""
    enters = np.maximum(enters, found.begins[row])
    holds = enters < found.exits[row]
    row, enters, changes = row[holds], enters[holds], changes[holds]
    state = np.bincount(row, weights=changes, minlength=len(found.exits)).astype(np.int64)
    ended = np.flatnonzero((state != 0) & (found.exits != NEVER))
    return (
        np.append(row, ended),
        np.append(enters, found.exits[ended]),
        np.append(changes, -state[ended]),
    )
