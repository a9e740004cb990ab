"""Rows that come again: a correction replaces what is filed, an older version does not.

A transaction is one row, whatever day it is filed under. Of two versions the one that became known
later stands; of two that became known at the same time, the one delivered last. The version before
stays in the table's earlier versions, from which its training sets are rebuilt.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_DAY, KNOWN_TIME, TRANSACTION_ID
from pipelines.lake import Lake


@dataclass(frozen=True, slots=True)
class Merged:
    """A table's days as they are to be written.

    Attributes:
        rows: all rows of those days.
        emptied: days that lose their last row.
        corrected: rows that replace an earlier version.
        outdated: delivered rows of which a later version is filed already.
    """

    rows: pa.Table
    emptied: frozenset[str]
    corrected: int
    outdated: int


def merge_rows(
    lake: Lake, table: str, incoming: pa.Table, *, keep: Literal["latest", "earliest"] = "latest"
) -> Merged:
    """Put delivered rows among those that are filed.

    Args:
        lake: holds the table, or not yet.
        table: its name.
        incoming: clean rows, no id twice, with `event_day`.
        keep: which version stands by its known time; `earliest` for reports, as a fraud that was
            reported twice was known from the first report on.
    """
    at = lake.newest(table)
    if at is None or lake.schema(at) != incoming.schema:
        return Merged(incoming, frozenset(), 0, 0)
    ids = incoming[TRANSACTION_ID].combine_chunks()
    filed = lake.read(
        at,
        columns=[TRANSACTION_ID, KNOWN_TIME, EVENT_DAY],
        where=pc.field(TRANSACTION_ID).isin(ids),
    )
    place = pc.index_in(incoming[TRANSACTION_ID], value_set=filed[TRANSACTION_ID].combine_chunks())
    known = filed[KNOWN_TIME].combine_chunks().take(place.combine_chunks())
    loses = pc.greater if keep == "latest" else pc.less
    outdated = pc.fill_null(loses(known, incoming[KNOWN_TIME]), fill_value=False)
    kept = incoming.filter(pc.invert(outdated))
    days = set(pc.unique(kept[EVENT_DAY]).to_pylist())
    again = kept[TRANSACTION_ID].combine_chunks()
    replaced = filed.filter(pc.is_in(filed[TRANSACTION_ID], value_set=again))
    days |= set(pc.unique(replaced[EVENT_DAY]).to_pylist())
    if not days:
        return Merged(incoming.slice(0, 0), frozenset(), 0, int(np.sum(outdated.to_numpy())))
    held = lake.read(at, days=days)
    others = held.filter(pc.invert(pc.is_in(held[TRANSACTION_ID], value_set=again)))
    rows = pa.concat_tables([others.select(kept.column_names), kept])
    return Merged(
        rows=rows,
        emptied=frozenset(days - set(pc.unique(rows[EVENT_DAY]).to_pylist())),
        corrected=replaced.num_rows,
        outdated=int(np.sum(outdated.to_numpy())),
    )
