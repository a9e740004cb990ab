"""Upserts of delivered rows: a correction replaces the filed row, an older version does not.

A transaction is one row, whatever day it is filed under. Of two versions with one event time the
one that became known later wins; of two with the same known time, the one delivered last. A version
with another event time is a correction, whenever it became known. Replaced rows stay in the
earlier versions of the table, from which their training sets can be rebuilt.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_DAY, EVENT_TIME, KNOWN_TIME, TRANSACTION_ID, InputError
from pipelines.config import TableVersion
from pipelines.lake import Lake

Keep = Literal["latest", "earliest", "delivered"]


@dataclass(frozen=True, slots=True)
class Merged:
    """The days of a table that are to be written.

    Attributes:
        rows: all rows of those days.
        accepted: the delivered rows among them.
        emptied: days that lose their last row.
        corrected: number of accepted rows that replace a row with an earlier known time or another
            event time.
        outdated: number of delivered rows of which a later version is filed already.
    """

    rows: pa.Table
    accepted: pa.Table
    emptied: frozenset[str]
    corrected: int
    outdated: int


def merge_rows(lake: Lake, table: str, incoming: pa.Table, *, keep: Keep = "latest") -> Merged:
    """Merge delivered rows with the filed rows of their days.

    Args:
        lake: with or without the table.
        table: its name.
        incoming: clean rows, no id twice, with `event_day`.
        keep: the version that wins by its known time: the latest; for fraud reports the earliest,
            as a fraud that was reported twice was known from the first report on; `delivered` when
            the caller has decided.

    Raises:
        InputError: when the columns changed and filed rows would be lost.
    """
    at = lake.latest(table)
    if at is None:
        return Merged(incoming, incoming, frozenset(), 0, 0)
    current_schema = lake.schema(at)
    if set(current_schema) != set(incoming.schema):
        return _replace_all(lake, at, incoming)
    incoming = incoming.select(current_schema.names)
    filed = lake.read(
        at,
        columns=[TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, EVENT_DAY],
        where=pc.field(TRANSACTION_ID).isin(incoming[TRANSACTION_ID].combine_chunks()),
    )
    position = pc.index_in(
        incoming[TRANSACTION_ID], value_set=filed[TRANSACTION_ID].combine_chunks()
    )
    known, happened = (
        filed[name].combine_chunks().take(position.combine_chunks())
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
    current = lake.read(at, days=days)
    others = current.filter(pc.invert(pc.is_in(current[TRANSACTION_ID], value_set=again)))
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
    """Replace the whole table when the columns changed; the delivery must have all filed rows."""
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
        new_or_gone = [*(f"{n} is new" for n in new), *(f"{n} is gone" for n in gone)]
        differences = [*changed, *new_or_gone]
        raise InputError(
            f"The columns of {at} changed ({', '.join(differences)}), and {lost:,} of its rows are "
            "not in this delivery. Deliver the whole history once, or give the spec another name."
        )
    days = {part.day for part in lake.parts(at)}
    emptied = days - set(pc.unique(incoming[EVENT_DAY]).to_pylist())
    return Merged(incoming, incoming, frozenset(emptied), 0, 0)


def _count(mask: pa.ChunkedArray | pa.Array) -> int:
    return int(pc.sum(pc.fill_null(mask, fill_value=False)).as_py() or 0)
