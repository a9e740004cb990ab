"""Merge of delivered rows of a joined table with the rows that became known in the same month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_DAY, KNOWN_TIME, SOURCE_TIME
from pipelines.ingestion.filing import ARRIVAL, FILE, are_equal
from pipelines.ingestion.joined.key_codes import Int64s, KeyCodes
from pipelines.ingestion.readers import TIMESTAMP


@dataclass(frozen=True, slots=True)
class MergedMonth:
    """The outcome of a merge.

    Attributes:
        rows: of the month, by key and known time; each such pair once.
        changed: those of them that were not there before.
        corrections: delivered rows with the key and known time of another one and other content;
            they are known from the arrival of their files on.
    """

    rows: pa.Table
    changed: pa.Table
    corrections: pa.Table


def merge_month(
    stored: pa.Table,
    delivered: pa.Table,
    *,
    keys: Sequence[str],
    content: Sequence[str],
    is_replacing: bool,
) -> MergedMonth:
    """Merge delivered rows with all stored ones of their month.

    Args:
        stored: with the columns of the table.
        delivered: these, `arrival` and `file_number`, in the order of files and rows. Of the rows
            of one file with the same key and known time the last counts.
        keys: columns of the key.
        content: columns that make a difference.
        is_replacing: True if a delivered row stands for the stored one of its key and known time;
            else it is a correction of it.
    """
    names, before = stored.column_names, stored.num_rows
    rows = pa.concat_tables([stored, delivered.select(names).cast(stored.schema)]).combine_chunks()
    codes = KeyCodes([rows[name] for name in keys]).codes
    known = micros(rows[KNOWN_TIME])
    files = np.concatenate([np.full(before, -1), delivered[FILE].to_numpy()]).astype(np.int64)
    order = np.lexsort((files, known, codes))
    last_of_file = np.append(
        np.any(np.diff([codes[order], known[order], files[order]]) != 0, axis=0), True
    )[: len(order)]
    order = order[last_of_file]
    is_other = np.any(np.diff([codes[order], known[order]]) != 0, axis=0)
    starts = np.append(True, is_other)[: len(order)]
    ends = np.append(is_other, True)[: len(order)]
    repeats = np.flatnonzero(~starts)
    same = are_equal(rows, order[repeats - 1], order[repeats], content)
    chosen = order[ends if is_replacing else starts]
    if is_replacing:
        # One that says the same as the stored row before it is none.
        is_stored = np.isin(repeats - 1, np.flatnonzero(order < before))
        unchanged = order[repeats[same & is_stored & ends[repeats]]]
        chosen = np.sort(chosen)
        changed = chosen[(chosen >= before) & ~np.isin(chosen, unchanged)]
        corrections = delivered.slice(0, 0)
    else:
        changed = chosen[chosen >= before]
        corrections = _known_at_arrival(delivered.take(pa.array(order[repeats[~same]] - before)))
    kept = rows.take(pa.array(_by_key(rows, chosen, known, keys)))
    return MergedMonth(kept, rows.take(pa.array(np.sort(changed))), corrections)


def with_month(rows: pa.Table) -> pa.Table:
    """Append the first day of the month in which each row became known, as the event day."""
    months = pc.strftime(rows[KNOWN_TIME].cast(pa.date32()), format="%Y-%m-01").cast(pa.string())
    at = rows.schema.get_field_index(EVENT_DAY)
    if at < 0:
        return rows.append_column(EVENT_DAY, months)
    return rows.set_column(at, EVENT_DAY, months)


def micros(times: pa.ChunkedArray) -> Int64s:
    """Return times as microseconds since 1970."""
    found: Int64s = times.combine_chunks().cast(TIMESTAMP).cast(pa.int64()).to_numpy()
    return found


def repeat_time(at: datetime, count: int) -> pa.Array:
    """Return a column of one time."""
    return pa.repeat(pa.scalar(at, TIMESTAMP), count)


def _known_at_arrival(rows: pa.Table) -> pa.Table:
    """Say of corrections that they are known from their arrival on, after what they correct."""
    later = np.maximum(micros(rows[ARRIVAL]), micros(rows[SOURCE_TIME]) + 1)
    at = rows.schema.get_field_index(KNOWN_TIME)
    return with_month(rows.set_column(at, KNOWN_TIME, pa.array(later).cast(TIMESTAMP)))


def _by_key(rows: pa.Table, chosen: Int64s, known: Int64s, keys: Sequence[str]) -> Int64s:
    """Sort the numbers of rows by known time, and those of one time by their keys."""
    order: Int64s = chosen[np.argsort(known[chosen], kind="stable")]
    if len(order) and (np.diff(known[order]) == 0).any():
        own = rows.select([KNOWN_TIME, *keys]).take(pa.array(order))
        by = [(name, "ascending") for name in own.column_names]
        order = order[pc.sort_indices(own, by).to_numpy()]
    return order
