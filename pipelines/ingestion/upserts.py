"""Rows that come again: a correction replaces what is filed, an older version does not.

A transaction is one row, whatever day it is filed under. Of two versions of one event time the one
that became known later stands; of two that became known at the same time, the one delivered last.
A version with another event time is a correction of it, whenever it became known. What was filed
before stays in the table's earlier versions, from which its training sets are rebuilt.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_DAY, EVENT_TIME, KNOWN_TIME, TRANSACTION_ID, InputError
from pipelines.lake import Lake, TableVersion

Keep = Literal["latest", "earliest", "delivered"]


@dataclass(frozen=True, slots=True)
class Merged:
    """A table's days as they are to be written.

    Attributes:
        rows: all rows of those days.
        accepted: the delivered rows among them.
        emptied: days that lose their last row.
        corrected: accepted rows that became known later than what they replace, or happened at
            another time.
        outdated: delivered rows of which a later version is filed already.
    """

    rows: pa.Table
    accepted: pa.Table
    emptied: frozenset[str]
    corrected: int
    outdated: int


def merge_rows(lake: Lake, table: str, incoming: pa.Table, *, keep: Keep = "latest") -> Merged:
    """Put delivered rows among those that are filed.

    Args:
        lake: holds the table, or not yet.
        table: its name.
        incoming: clean rows, no id twice, with `event_day`.
        keep: which version stands by its known time: the latest; for fraud reports the earliest,
            as a fraud that was reported twice was known from the first report on; `delivered` when
            that was decided before.

    Raises:
        InputError: when the columns changed and filed rows would be lost.
    """
    at = lake.newest(table)
    if at is None:
        return Merged(incoming, incoming, frozenset(), 0, 0)
    held_schema = lake.schema(at)
    if set(held_schema) != set(incoming.schema):
        return _replace_all(lake, at, incoming)
    incoming = incoming.select(held_schema.names)
    filed = lake.read(
        at,
        columns=[TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, EVENT_DAY],
        where=pc.field(TRANSACTION_ID).isin(incoming[TRANSACTION_ID].combine_chunks()),
    )
    place = pc.index_in(incoming[TRANSACTION_ID], value_set=filed[TRANSACTION_ID].combine_chunks())
    known, happened = (
        filed[name].combine_chunks().take(place.combine_chunks())
        for name in (KNOWN_TIME, EVENT_TIME)
    )
    outdated = _is_outdated(incoming, known, happened, keep)
    moved = pc.or_(
        pc.greater(incoming[KNOWN_TIME], known), pc.not_equal(incoming[EVENT_TIME], happened)
    )
    accepted = incoming.filter(pc.invert(outdated))
    again = accepted[TRANSACTION_ID].combine_chunks()
    replaced = filed.filter(pc.is_in(filed[TRANSACTION_ID], value_set=again))
    days = set(pc.unique(accepted[EVENT_DAY]).to_pylist())
    days |= set(pc.unique(replaced[EVENT_DAY]).to_pylist())
    held = lake.read(at, days=days)
    others = held.filter(pc.invert(pc.is_in(held[TRANSACTION_ID], value_set=again)))
    rows = pa.concat_tables([others, accepted])
    return Merged(
        rows=rows,
        accepted=accepted,
        emptied=frozenset(days - set(pc.unique(rows[EVENT_DAY]).to_pylist())),
        corrected=_count(pc.and_(moved, pc.invert(outdated))),
        outdated=_count(outdated),
    )


def _is_outdated(
    incoming: pa.Table, known: pa.Array, happened: pa.Array, keep: Keep
) -> pa.ChunkedArray:
    if keep == "delivered":
        return pa.chunked_array([np.zeros(incoming.num_rows, dtype=np.bool_)])
    loses = pc.greater if keep == "latest" else pc.less
    same = pc.equal(incoming[EVENT_TIME], happened)
    return pc.fill_null(pc.and_(loses(known, incoming[KNOWN_TIME]), same), fill_value=False)


def _replace_all(lake: Lake, at: TableVersion, incoming: pa.Table) -> Merged:
    """The source's columns changed: the delivery has to hold all that is filed."""
    names = {field.name: field.type for field in lake.schema(at)}
    changed = [
        f"{field.name} was {names[field.name]} and is {field.type}"
        for field in incoming.schema
        if field.name in names and names[field.name] != field.type
    ]
    ids = lake.read(at, columns=[TRANSACTION_ID])[TRANSACTION_ID].combine_chunks()
    delivered = incoming[TRANSACTION_ID].combine_chunks()
    lost = len(ids)
    if ids.type == delivered.type:
        lost = _count(pc.invert(pc.is_in(ids, value_set=delivered)))
    if lost:
        gone = sorted(set(names) - set(incoming.schema.names))
        new = sorted(set(incoming.schema.names) - set(names))
        facts = [*changed, *(f"{n} is new" for n in new), *(f"{n} is gone" for n in gone)]
        raise InputError(
            f"The columns of {at} changed ({', '.join(facts)}), and {lost:,} of its rows are not "
            "in this delivery. Deliver the whole history once, or give the spec another name."
        )
    days = {part.day for part in lake.parts(at)}
    emptied = days - set(pc.unique(incoming[EVENT_DAY]).to_pylist())
    return Merged(incoming, incoming, frozenset(emptied), 0, 0)


def _count(mask: pa.ChunkedArray | pa.Array) -> int:
    return int(pc.sum(pc.fill_null(mask, fill_value=False)).as_py() or 0)
