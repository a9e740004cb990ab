"""Merge of delivered rows with the filed versions of the same transactions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    EVENT_DAY,
    EVENT_TIME,
    IS_FIRST,
    KNOWN_TIME,
    LABEL_STATE,
    REPLACED_TIME,
    SOURCE_TIME,
    STATED_TIME,
    TRANSACTION_ID,
    WITHDRAWN,
)
from pipelines.ingestion.filing.versions import ARRIVAL, hold, settle
from pipelines.ingestion.readers import TIMESTAMP

FILE = "file_number"
ROW = "row_number"
VERSION_COLUMNS = (SOURCE_TIME, REPLACED_TIME, IS_FIRST)
# What is known of a delivered row until it is filed.
DELIVERY_COLUMNS = (STATED_TIME, ARRIVAL, WITHDRAWN, LABEL_STATE, FILE, ROW)
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MergedVersions:
    """All versions of some transactions, and what the delivery did to them.

    Attributes:
        rows: every version, in no order.
        is_changed: False if they are what was filed before.
        corrected: filed transactions that have a newer version now.
        outdated: new versions that are older than one that was filed before.
        late: new transactions that are known from their arrival on, later than they happened.
    """

    rows: pa.Table
    is_changed: bool
    corrected: int = 0
    outdated: int = 0
    late: int = 0


def state_times(
    rows: pa.Table, *, has_known_time: bool, arrival: datetime, since: datetime | None
) -> pa.Table:
    """Append to delivered rows when they were known if they are new, and when their file arrived.

    Args:
        rows: canonical rows.
        has_known_time: True if `known_time` is the source's own; else a row is known when it
            happened, or at its arrival if a night as of a later time had no such row.
        arrival: of the file.
        since: the latest knowledge time of an earlier ingestion; None: there was none.
    """
    arrived = pa.scalar(arrival, type=TIMESTAMP)
    stated, source = rows[KNOWN_TIME], rows[KNOWN_TIME]
    if not has_known_time:
        source = pa.nulls(rows.num_rows, TIMESTAMP)
        if since is not None:
            is_late = pc.less(rows[EVENT_TIME], pa.scalar(since, type=TIMESTAMP))
            later = pc.if_else(pc.less(rows[EVENT_TIME], arrived), arrived, rows[EVENT_TIME])
            stated = pc.if_else(is_late, later, rows[EVENT_TIME])
    columns = {
        KNOWN_TIME: stated, SOURCE_TIME: source, STATED_TIME: stated,
        ARRIVAL: pa.array([arrival], TIMESTAMP).take(pa.array(np.zeros(rows.num_rows, np.int64))),
    }  # fmt: skip
    for name, values in columns.items():
        at = rows.schema.get_field_index(name)
        rows = rows.append_column(name, values) if at < 0 else rows.set_column(at, name, values)
    if WITHDRAWN not in rows.column_names:
        rows = rows.append_column(WITHDRAWN, pa.array(np.zeros(rows.num_rows, np.bool_)))
    return rows


def repeated_rows(rows: pa.Table) -> Bools | None:
    """Mark rows whose id and known time an earlier row of the same file has; None for no such row.

    Args:
        rows: delivered rows with `file_number`, in the order of files and rows.
    """
    ids = rows[TRANSACTION_ID].combine_chunks()
    if len(pc.unique(ids)) == len(ids):
        return None
    keys = rows.select([TRANSACTION_ID, SOURCE_TIME, FILE]).append_column(
        "row", pa.array(np.arange(len(ids)))
    )
    firsts = keys.group_by([TRANSACTION_ID, SOURCE_TIME, FILE]).aggregate([("row", "min")])
    mask: Bools = np.ones(len(ids), dtype=np.bool_)
    mask[firsts["row_min"].to_numpy()] = False
    return mask if mask.any() else None


def merge_versions(filed: pa.Table, delivered: pa.Table) -> MergedVersions:
    """Merge delivered rows with all filed versions of the same transactions.

    Args:
        filed: with the columns of the table `transactions`.
        delivered: with the columns that `state_times` appends; no row twice in one file.
    """
    names = filed.column_names
    content = [
        name for name in names
        if name not in {TRANSACTION_ID, KNOWN_TIME, EVENT_DAY, *VERSION_COLUMNS}
    ]  # fmt: skip
    if filed.num_rows == 0 and len(pc.unique(delivered[TRANSACTION_ID])) == delivered.num_rows:
        gone = delivered[WITHDRAWN]
        given_columns = dict(zip(delivered.column_names, delivered.columns, strict=True))
        columns = {name: given_columns[name] for name in names if name in given_columns}
        columns[REPLACED_TIME] = pc.if_else(gone, delivered[KNOWN_TIME], pa.scalar(None, TIMESTAMP))
        columns[IS_FIRST] = pc.invert(gone)
        rows = pa.table({name: columns[name] for name in names})
        return MergedVersions(rows, is_changed=True, late=_count_late(delivered))
    stated = filed.append_column(STATED_TIME, filed[KNOWN_TIME]).append_column(
        WITHDRAWN, pc.fill_null(pc.equal(filed[REPLACED_TIME], filed[KNOWN_TIME]), fill_value=False)
    )
    given = delivered
    for name in (REPLACED_TIME, IS_FIRST):
        given = given.append_column(name, pa.nulls(given.num_rows, filed.schema.field(name).type))
    given = given.select([*stated.column_names, ARRIVAL]).cast(
        pa.schema([*stated.schema, given.schema.field(ARRIVAL)])
    )
    settled = settle(stated, given, content=[*content, WITHDRAWN])
    if settled.num_rows == stated.num_rows:
        return MergedVersions(filed, is_changed=False)
    new = settled.slice(stated.num_rows)
    rows = hold(
        settled, withdrawn=settled[WITHDRAWN].combine_chunks().to_numpy(zero_copy_only=False)
    )
    latest = stated.group_by(TRANSACTION_ID).aggregate([(STATED_TIME, "max")])
    place = pc.index_in(new[TRANSACTION_ID], value_set=latest[TRANSACTION_ID].combine_chunks())
    before = latest[f"{STATED_TIME}_max"].combine_chunks().take(place.combine_chunks())
    is_newer = pc.greater(new[STATED_TIME].combine_chunks(), before)
    corrected = new.filter(pc.fill_null(is_newer, fill_value=False))[TRANSACTION_ID]
    return MergedVersions(
        rows.select(names), is_changed=True,
        corrected=len(pc.unique(corrected)),
        outdated=int(pc.sum(pc.invert(is_newer)).as_py() or 0),
        late=_count_late(new.filter(before.is_null())),
    )  # fmt: skip


def sort_versions(rows: pa.Table) -> pa.Table:
    """Sort rows of one day by event time, id and known time."""
    events = rows[EVENT_TIME].combine_chunks().cast(pa.int64()).to_numpy(zero_copy_only=False)
    steps = np.diff(events)
    if not (steps > 0).all():
        order = np.argsort(events, kind="stable")
        if (np.diff(events[order]) == 0).any():
            keys: Sequence[tuple[str, str]] = [
                (c, "ascending") for c in (EVENT_TIME, TRANSACTION_ID, KNOWN_TIME)
            ]
            return rows.sort_by(keys).combine_chunks()
        rows = rows.take(pa.array(order))
    return rows.combine_chunks()


def _count_late(rows: pa.Table) -> int:
    """Count rows of a source without known times that are known later than they happened."""
    is_late = pc.and_(rows[SOURCE_TIME].is_null(), pc.greater(rows[STATED_TIME], rows[EVENT_TIME]))
    return int(pc.sum(is_late).as_py() or 0)
