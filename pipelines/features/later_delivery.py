"""A delivery of all that may become known after a time, invented from what was known by then.

New transactions, late arrivals, corrections, withdrawals, and to every label the contrary.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    AMOUNT,
    EVENT_TIME,
    KNOWN_TIME,
    LABEL,
    REPLACED_TIME,
    ROLES,
    TRANSACTION_ID,
    WITHDRAWN,
)
from pipelines.config import ModelSpec
from pipelines.ingestion import TIMESTAMP, only_known

MOST_NEW_ROWS = 2_000
_DURATION = pa.duration("us")


@dataclass(frozen=True, slots=True)
class LaterDelivery:
    """Rows and reports as a source delivers them; all become known at the arrival or after it.

    Attributes:
        rows: transactions with `is_withdrawn`; with their label where it is a column of the source.
        reports: labels of a table of reports, null where nothing is known any more; None where
            labels come with the rows.
        arrival: of the delivery.
        new: number of transactions that were not known before.
        corrected: number of known transactions with another amount, and other keys or another time.
        withdrawn: number of known transactions that are withdrawn.
        labels: number of labels.
    """

    rows: pa.Table
    reports: pa.Table | None
    arrival: datetime
    new: int
    corrected: int
    withdrawn: int
    labels: int


def known_by(rows: pa.Table, as_of: datetime) -> pa.Table:
    """Select the versions that were known before a time, with what was known of their ends."""
    known = only_known(rows, as_of)
    if REPLACED_TIME not in known.column_names:
        return known
    ends = known[REPLACED_TIME]
    is_seen = pc.less(ends, pa.scalar(as_of, TIMESTAMP))
    seen = pc.if_else(is_seen, ends, pa.scalar(None, TIMESTAMP))
    return known.set_column(known.schema.get_field_index(REPLACED_TIME), REPLACED_TIME, seen)


def invent_delivery(
    spec: ModelSpec, rows: pa.Table, labels: pa.Table, cutoff: datetime
) -> LaterDelivery:
    """Invent what becomes known at a time or after it.

    Args:
        spec: says where labels come from, and which columns are keys.
        rows: versions of transactions known before the cutoff.
        labels: labels known before the cutoff.
        cutoff: the arrival of the delivery.
    """
    held = _held_rows(rows).select([*ROLES, KNOWN_TIME, *spec.row_columns()])
    new = invent_new_rows(held, pc.max(rows[TRANSACTION_ID]).as_py(), cutoff)
    again = invent_corrections(held, spec.source.entities, cutoff)
    every = pa.concat_tables([new, again])
    label = _contrary_labels(every, labels)
    if not spec.labels.is_declared:
        delivered, reports = every, None
    elif spec.labels.column is not None:
        delivered, reports = every.append_column(LABEL, label), None
    else:
        columns = {c: every[c] for c in (TRANSACTION_ID, KNOWN_TIME)}
        delivered, reports = every, pa.table({**columns, LABEL: label})
    gone = int(pc.sum(again[WITHDRAWN]).as_py() or 0)
    return LaterDelivery(
        delivered, reports, cutoff,
        new=new.num_rows, corrected=again.num_rows - gone, withdrawn=gone,
        labels=every.num_rows if spec.labels.is_declared else 0,
    )  # fmt: skip


def invent_new_rows(held: pa.Table, highest: object, cutoff: datetime) -> pa.Table:
    """Invent transactions that become known at or after the cutoff: new ones, and late arrivals.

    Copies of the latest rows with ids of their own and ten times the amount; every second one
    keeps its event time (it happened before the cutoff and arrives after it).

    Args:
        held: rows that hold at the cutoff.
        highest: id of any row.
        cutoff: the arrival.
    """
    latest = held.sort_by([(EVENT_TIME, "descending")]).slice(0, MOST_NEW_ROWS)
    number = np.arange(latest.num_rows)
    known_time = _days_after(cutoff, number)
    event_time = pc.if_else(pa.array(number % 2 == 0), latest[EVENT_TIME], known_time)
    ids = latest.schema.field(TRANSACTION_ID).type
    if isinstance(highest, int):
        fresh = pa.array(highest + 1 + number, ids)
    else:
        fresh = pa.array([f"~later-{n}" for n in number], ids)
    changed = {TRANSACTION_ID: fresh, EVENT_TIME: event_time, KNOWN_TIME: known_time}
    changed[AMOUNT] = pc.multiply(latest[AMOUNT], 10.0)
    return _replace(latest, changed, withdrawn=np.zeros(len(number), np.bool_))


def invent_corrections(held: pa.Table, entities: Collection[str], cutoff: datetime) -> pa.Table:
    """Invent a correction of each row: ten times the amount, another row's keys, an hour earlier.

    Every third keeps its event time, and every fifth is a withdrawal instead.

    Args:
        held: rows that hold at the cutoff.
        entities: columns of keys.
        cutoff: the corrections become known on it and the days after it.
    """
    number = np.arange(held.num_rows)
    earlier = pc.subtract(held[EVENT_TIME], pa.scalar(timedelta(hours=1), _DURATION))
    changed = {
        EVENT_TIME: pc.if_else(pa.array(number % 3 == 0), held[EVENT_TIME], earlier),
        KNOWN_TIME: _days_after(cutoff, number),
        AMOUNT: pc.multiply(held[AMOUNT], 10.0),
    }
    for name in entities:
        changed[name] = held[name].take(pa.array(np.roll(number, 1)))
    return _replace(held, changed, withdrawn=number % 5 == 4)  # noqa: PLR2004 -- the fifth


def _held_rows(rows: pa.Table) -> pa.Table:
    """Select the newest version of each transaction that is not withdrawn."""
    if REPLACED_TIME in rows.column_names:
        rows = rows.filter(rows[REPLACED_TIME].is_null())
    return rows.combine_chunks()


def _contrary_labels(rows: pa.Table, labels: pa.Table) -> pa.Array:
    """Call each row legitimate that was known as fraud, and the others frauds; a fourth unknown."""
    known = labels.sort_by([(KNOWN_TIME, "descending")]).combine_chunks()
    place = pc.index_in(rows[TRANSACTION_ID], value_set=known[TRANSACTION_ID].combine_chunks())
    was = pc.fill_null(known[LABEL].combine_chunks().take(place.combine_chunks()), 0)
    unknown = pa.array(np.arange(rows.num_rows) % 4 == 3)  # noqa: PLR2004 -- the fourth
    contrary = pc.subtract(pa.scalar(1, pa.int8()), was.cast(pa.int8()))
    return pc.if_else(unknown, pa.scalar(None, pa.int8()), contrary)


def _replace(
    rows: pa.Table, changed: dict[str, pa.Array], *, withdrawn: npt.NDArray[np.bool_]
) -> pa.Table:
    """Replace columns of rows, and say which are withdrawn."""
    columns = {name: changed.get(name, rows[name]) for name in rows.column_names}
    return pa.table({**columns, WITHDRAWN: pa.array(withdrawn)})


def _days_after(cutoff: datetime, number: npt.NDArray[np.int64]) -> pa.Array:
    """Spread rows over a week from the cutoff on."""
    days = pa.array(number % 7 * 86_400_000_000).cast(_DURATION)
    return pc.add(pa.scalar(cutoff, type=TIMESTAMP), days)
