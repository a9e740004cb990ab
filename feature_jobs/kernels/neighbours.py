"""Link kernel: neighbours over a shared entity, in one pass over the rows of all entities.

Members (customers) and things (devices) are the two sides of a graph whose edges live as long as
a visible row of the window has both. Each side keeps its live edges in front of its part of
one array, so that a row looks only at live ones: at most `max_degree` things with at most
`max_degree` members each. It needs the rows of all entities, so it is split in time
(`feature_jobs.stages.map`), never by key.
"""

import numba
import numpy as np
import numpy.typing as npt

from feature_jobs.kernels.visibility import is_visible

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def count_neighbours(  # noqa: PLR0912, PLR0915, PLR0917 -- one loop; numba takes no keywords
    first: int,
    events: Int64s,
    enters: Int64s,
    order: Int64s,
    retract_rows: Int64s,
    retract_times: Int64s,
    members: Int64s,
    edges: Int64s,
    edge_members: Int64s,
    edge_things: Int64s,
    item_rows: Int64s,
    item_enters: Int64s,
    item_changes: Int64s,
    window_plus_delay: int,
    max_degree: int,
    neighbours: Floats,
    frauds: Floats,
) -> None:
    """Count the neighbours of each row's member, and their known frauds, over one window.

    Arguments by name:

        first: the first row that is wanted; rows before it are only remembered.
        events, enters, order, retract_rows, retract_times: as in `feature_jobs.kernels.windows`,
            of one history that holds all rows.
        members: each row's member as a number from 0 on, -1 where it is null.
        edges: each row's pair of member and thing as a number from 0 on, -1 where one is null.
        edge_members, edge_things: both sides of each edge, as numbers from 0 on.
        item_rows, item_enters, item_changes: as in
            `feature_jobs.kernels.fraud_windows.compute_frauds`.
        window_plus_delay: the window's length in microseconds.
        max_degree: see `feature_jobs.declaration.features.LinkGroup`.
        neighbours, frauds: receive the two aggregates by row; NaN where the member is null or
            used more than `max_degree` things.
    """
    count = members.max() + 1 if len(members) else 0
    things = edge_things.max() + 1 if len(edge_things) else 0
    of_member, member_at, member_starts = _stretches(edge_members, count)
    of_thing, thing_at, thing_starts = _stretches(edge_things, things)
    member_live = np.zeros(len(member_starts), dtype=np.int64)
    thing_live = np.zeros(len(thing_starts), dtype=np.int64)
    alive = np.zeros(len(edge_members), dtype=np.int64)
    known = np.zeros(count, dtype=np.int64)
    seen = np.full(count, -1, dtype=np.int64)
    state = np.zeros(len(events), dtype=np.int64)
    entered = np.zeros(len(events), dtype=np.bool_)
    entering, leaving, retracting, item = 0, 0, 0, 0
    for row in range(first, len(events)):
        now = events[row]
        while leaving < len(events) and events[leaving] + window_plus_delay <= now:
            edge = edges[leaving]
            if entered[leaving] and edge >= 0:
                alive[edge] -= 1
                if alive[edge] == 0:
                    _remove(edge, of_member, member_at, member_starts, member_live, edge_members)
                    _remove(edge, of_thing, thing_at, thing_starts, thing_live, edge_things)
            if members[leaving] >= 0:
                known[members[leaving]] -= state[leaving]
            leaving += 1
        while entering < len(events):
            other = order[entering]
            enter = enters[other]
            if not is_visible(enter, events[other], other, now, row):
                break
            entering += 1
            edge = edges[other]
            if other < leaving or edge < 0:
                continue
            entered[other] = True
            alive[edge] += 1
            if alive[edge] == 1:
                _insert(edge, of_member, member_at, member_starts, member_live, edge_members)
                _insert(edge, of_thing, thing_at, thing_starts, thing_live, edge_things)
        while retracting < len(retract_rows) and retract_times[retracting] <= now:
            other = retract_rows[retracting]
            retracting += 1
            if other < leaving or not entered[other]:
                continue
            entered[other] = False
            edge = edges[other]
            alive[edge] -= 1
            if alive[edge] == 0:
                _remove(edge, of_member, member_at, member_starts, member_live, edge_members)
                _remove(edge, of_thing, thing_at, thing_starts, thing_live, edge_things)
        while item < len(item_rows):
            other, enter = item_rows[item], item_enters[item]
            if not is_visible(enter, events[other], other, now, row):
                break
            state[other] += item_changes[item]
            if other >= leaving and members[other] >= 0:
                known[members[other]] += item_changes[item]
            item += 1
        member, own = members[row], edges[row]
        if member < 0:
            continue
        # The row itself counts, also where its edge is not visible to others yet.
        fresh = edge_things[own] if own >= 0 and alive[own] == 0 else -1
        if member_live[member] + (1 if fresh >= 0 else 0) > max_degree:
            continue
        found, bad = 0, 0
        for step in range(member_live[member] + 1):
            if step < member_live[member]:
                thing = edge_things[of_member[member_starts[member] + step]]
            elif fresh >= 0:
                thing = fresh
            else:
                break
            if thing_live[thing] + (1 if thing == fresh else 0) > max_degree:
                continue
            for place in range(thing_live[thing]):
                other = edge_members[of_thing[thing_starts[thing] + place]]
                if other != member and seen[other] != row:
                    seen[other] = row
                    found += 1
                    bad += known[other]
        neighbours[row], frauds[row] = found, bad


@numba.njit(cache=True)
def _stretches(sides: Int64s, count: int) -> tuple[Int64s, Int64s, Int64s]:
    """Group edges by side; return them, each edge's position, and where each side begins."""
    starts = np.zeros(count + 1, dtype=np.int64)
    for side in sides:
        starts[side + 1] += 1
    for side in range(count):
        starts[side + 1] += starts[side]
    filled = starts.copy()
    edges, at = np.empty_like(sides), np.empty_like(sides)
    for edge in range(len(sides)):
        place = filled[sides[edge]]
        edges[place], at[edge] = edge, place
        filled[sides[edge]] += 1
    return edges, at, starts


@numba.njit(cache=True)
def _swap(edges: Int64s, at: Int64s, one: int, other: int) -> None:
    first, second = edges[one], edges[other]
    edges[one], edges[other] = second, first
    at[first], at[second] = other, one


@numba.njit(cache=True)
def _insert(  # noqa: PLR0917 -- numba takes no keywords
    edge: int, edges: Int64s, at: Int64s, starts: Int64s, live: Int64s, sides: Int64s
) -> None:
    """Move an edge behind the live ones of its side."""
    side = sides[edge]
    _swap(edges, at, at[edge], starts[side] + live[side])
    live[side] += 1


@numba.njit(cache=True)
def _remove(  # noqa: PLR0917 -- numba takes no keywords
    edge: int, edges: Int64s, at: Int64s, starts: Int64s, live: Int64s, sides: Int64s
) -> None:
    """Remove an edge from the live ones of its side."""
    side = sides[edge]
    live[side] -= 1
    _swap(edges, at, at[edge], starts[side] + live[side])
