"""Arrow rows to the link kernel and back: rows of all entities in a stretch of time."""

import numpy as np
import pyarrow as pa

from expectations.contract import EVENT_TIME, KNOWN_TIME, TRANSACTION_ID
from feature_jobs.declaration import MICROSECOND, FeatureGroup
from feature_jobs.kernels import (
    count_neighbours,
    encode,
    integers,
    label_items,
    lifetimes,
    retractions,
    time_order,
    visible_times,
)
from feature_jobs.stages.histories import WANTED


def compute_links(rows: pa.Table, group: FeatureGroup) -> pa.Table:
    """Compute the link features of the wanted rows.

    Args:
        rows: everything that can count, in any order: `transaction_id`, `event_time`,
            `known_time`, both keys, `is_wanted`, with later versions `replaced_time` and
            `is_first`, and the labels if they are counted. Wanted are first versions from some
            time on.
        group: the links.

    Returns:
        `transaction_id`, `event_time` and one column a feature, one line for each wanted row
        whose member is not null.
    """
    known = integers(rows[KNOWN_TIME])
    order = time_order(integers(rows[EVENT_TIME]), rows[TRANSACTION_ID], known)
    rows, known = rows.take(pa.array(order)).combine_chunks(), known[order]
    lives = lifetimes(rows, known)
    member_key, thing_key = group.keys
    events = integers(rows[EVENT_TIME])
    enters = visible_times(events, known, None, lives)
    members, things = encode([rows[member_key]]), encode([rows[thing_key]])
    edges = encode([rows[member_key], rows[thing_key]])
    _, example = np.unique(edges[edges >= 0], return_index=True)
    used = np.flatnonzero(edges >= 0)[example]
    wanted = rows[WANTED].combine_chunks().to_numpy(zero_copy_only=False)
    first = int(np.argmax(wanted)) if wanted.any() else len(events)
    one_history = np.array([0, len(events)])
    item_rows = item_enters = item_changes = np.empty(0, dtype=np.int64)
    if group.reads_labels:
        _, item_rows, item_enters, item_changes = label_items(
            rows, one_history, events, delay=0, found=lives
        )
    _, retract_rows, retract_times = retractions(lives, one_history)
    arrivals = np.argsort(enters, kind="stable")
    found: dict[str, np.ndarray] = {}
    for link in group.links:
        if link.name in found:
            continue
        neighbours, frauds = (np.full(len(events), np.nan) for _ in range(2))
        count_neighbours(
            first, events, enters, arrivals, retract_rows, retract_times, members, edges,
            members[used], things[used], item_rows, item_enters, item_changes,
            link.length // MICROSECOND, link.max_degree, neighbours, frauds,
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
