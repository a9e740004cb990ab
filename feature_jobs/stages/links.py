"""Arrow rows to the link kernel and back: rows of all entities in a stretch of time."""

import numpy as np
import pyarrow as pa

from expectations.contract import EVENT_TIME, KNOWN_TIME, TRANSACTION_ID
from feature_jobs.declaration import MICROSECOND, FeatureGroup
from feature_jobs.kernels import count_neighbours, encode, integers, label_items, time_order
from feature_jobs.stages.histories import WANTED


def compute_links(rows: pa.Table, group: FeatureGroup) -> pa.Table:
    """Compute the link features of the wanted rows.

    Args:
        rows: everything that can count, in any order: `transaction_id`, `event_time`,
            `known_time`, both keys, `is_wanted`, and the labels if they are counted; the wanted
            rows are the last.
        group: the links.

    Returns:
        `transaction_id`, `event_time` and one column a feature, one line for each wanted row
        whose member is not null.
    """
    order = time_order(integers(rows[EVENT_TIME]), rows[TRANSACTION_ID])
    rows = rows.take(pa.array(order)).combine_chunks()
    member_key, thing_key = group.keys
    events = integers(rows[EVENT_TIME])
    enters = np.maximum(events, integers(rows[KNOWN_TIME]))
    members, things = encode([rows[member_key]]), encode([rows[thing_key]])
    edges = encode([rows[member_key], rows[thing_key]])
    _, example = np.unique(edges[edges >= 0], return_index=True)
    used = np.flatnonzero(edges >= 0)[example]
    wanted = rows[WANTED].combine_chunks().to_numpy(zero_copy_only=False)
    first = len(events) - int(wanted.sum())
    item_rows = item_enters = item_changes = np.empty(0, dtype=np.int64)
    if group.reads_labels:
        items = label_items(rows, np.array([0, len(events)]), events, delay=0)
        item_rows, item_enters, item_changes = items.rows, items.enters, items.changes
    arrivals = np.argsort(enters, kind="stable")
    found: dict[str, np.ndarray] = {}
    for link in group.links:
        if link.name in found:
            continue
        neighbours, frauds = (np.full(len(events), np.nan) for _ in range(2))
        count_neighbours(
            first, events, enters, arrivals, members, edges, members[used], things[used],
            item_rows, item_enters, item_changes, link.length // MICROSECOND, link.max_degree,
            neighbours, frauds,
        )  # fmt: skip
        for other in group.links:  # one computation gives both aggregates of a window
            if (other.length, other.max_degree) == (link.length, link.max_degree):
                given = {"neighbours": neighbours, "neighbour_frauds": frauds}
                found[other.name] = given[other.statistic]
    kept = np.flatnonzero(wanted & (members >= 0))
    columns = {name: rows[name].take(pa.array(kept)) for name in (TRANSACTION_ID, EVENT_TIME)}
    for link in group.links:
        values = found[link.name][kept]
        missing = np.isnan(values)
        counts = np.where(missing, 0, values).astype(np.int64)
        columns[link.name] = pa.array(counts, mask=missing)
    return pa.table(columns)
