"""Versions of delivered rows: which are new, when each was known, and until when it holds.

A source with known times of its own says of each row which version it is: its *chain* is the
transaction and that time. Elsewhere all that is said of a transaction is one chain. A row that says
of its chain what was said before is nothing new; one that says something else is a version that
became known when its file arrived.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    IS_FIRST,
    KNOWN_TIME,
    REPLACED_TIME,
    SOURCE_TIME,
    STATED_TIME,
    TRANSACTION_ID,
)

# Column of delivered rows until they are filed.
ARRIVAL = "arrival"

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_NEVER = np.iinfo(np.int64).max


def settle(filed: pa.Table, delivered: pa.Table, *, content: Sequence[str]) -> pa.Table:
    """Join what is filed and what is delivered, without rows that say nothing new.

    Args:
        filed: all filed versions of the delivered transactions: `transaction_id`, `source_time`,
            `stated_time` and the content.
        delivered: the same columns and `arrival`, in the order of files and rows. `stated_time` is
            when a row was known if its chain is new. A null `source_time`: the source gives none.
        content: columns that make a difference.

    Returns:
        Filed rows, then new ones, with the columns of `filed`; `stated_time` of a changed row is
        the arrival of its file.
    """
    names = filed.column_names
    rows = pa.concat_tables([filed, delivered.select(names)]).combine_chunks()
    before = filed.num_rows
    chains = _encode(rows.select([TRANSACTION_ID, SOURCE_TIME]))
    arrivals = np.concatenate([np.zeros(before, np.int64), _micros(delivered[ARRIVAL])])
    stated = _micros(rows[STATED_TIME]).copy()
    filed_first = np.where(arrivals == 0, stated, 0)
    order = np.lexsort((np.arange(len(chains)), filed_first, arrivals, chains))
    edges = np.flatnonzero(np.diff(chains[order], prepend=-1, append=-1))
    sizes = np.diff(edges)
    kept = np.ones(len(chains), dtype=np.bool_)
    pairs = edges[:-1][sizes == 2]  # noqa: PLR2004 -- two rows of one chain
    _settle_pairs(rows, order[pairs], order[pairs + 1], arrivals, stated, kept, content, before)
    for start, size in zip(edges[:-1][sizes > 2], sizes[sizes > 2], strict=True):  # noqa: PLR2004
        _settle_chain(rows, order[start : start + size], arrivals, stated, kept, content, before)
    at = rows.schema.get_field_index(STATED_TIME)
    times = pa.array(stated).cast(rows.schema.field(at).type)
    return rows.set_column(at, STATED_TIME, times).filter(pa.array(kept))


def _settle_pairs(  # noqa: PLR0917 -- arrays that all rows share
    rows: pa.Table, one: Int64s, other: Int64s, arrivals: Int64s, stated: Int64s, kept: Bools,
    content: Sequence[str], before: int,
) -> None:  # fmt: skip
    """Settle chains of two rows, nearly all there are, at once."""
    is_new = other >= before
    one, other = one[is_new], other[is_new]
    kept[other] = ~are_equal(rows, one, other, content)
    stated[other] = np.maximum(arrivals[other], stated[one])


def _settle_chain(  # noqa: PLR0917 -- arrays that all rows share
    rows: pa.Table, chain: Int64s, arrivals: Int64s, stated: Int64s, kept: Bools,
    content: Sequence[str], before: int,
) -> None:  # fmt: skip
    """Settle one chain, its filed rows by stated time and then the delivered ones by arrival."""
    said: list[int] = []
    for row in chain.tolist():
        if row < before or not said:
            said.append(row)
            continue
        earlier = [r for r in said if stated[r] <= arrivals[row]] or said[:1]
        last = max(earlier, key=lambda r: (stated[r], said.index(r)))
        if are_equal(rows, np.array([last]), np.array([row]), content)[0]:
            kept[row] = False
            continue
        stated[row] = max(arrivals[row], stated[said[0]])
        said.append(row)


def hold(versions: pa.Table, *, withdrawn: Bools) -> pa.Table:
    """Say of each version of a transaction until when it holds, and which is the first.

    Args:
        versions: settled rows; of those with one stated time the last counts, others are dropped.
        withdrawn: rows that say that the transaction is withdrawn.

    Returns:
        `known_time` is the stated time, `replaced_time` that of the next version or null; of a
        withdrawal it is its own. `is_first` is true for the first that is no withdrawal.
    """
    codes, stated = _encode(versions.select([TRANSACTION_ID])), _micros(versions[STATED_TIME])
    order = np.lexsort((np.arange(len(codes)), _sources(versions), stated, codes))
    last = np.append((np.diff(codes[order]) != 0) | (np.diff(stated[order]) != 0), True)
    order = order[last[: len(order)]]
    codes, stated, gone = codes[order], stated[order], withdrawn[order]
    follows = np.append(np.diff(codes) == 0, False)[: len(codes)]
    until = np.where(follows, np.append(stated[1:], 0)[: len(codes)], _NEVER)
    until = np.where(gone, stated, until)
    first = np.zeros(len(codes), dtype=np.bool_)
    held = np.flatnonzero(~gone)
    first[held[np.unique(codes[held], return_index=True)[1]]] = True
    kind = versions.schema.field(STATED_TIME).type
    rows = versions.take(pa.array(order))
    for name, values in (
        (KNOWN_TIME, pa.array(stated).cast(kind)),
        (REPLACED_TIME, pa.array(until, mask=until == _NEVER).cast(kind)),
        (IS_FIRST, pa.array(first)),
    ):
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)
    return rows


def newest_of_each(labels: pa.Table) -> pa.Table:
    """Drop statements on labels that count at no time.

    One counts for nothing if a later statement is known no later, as a label column's may be
    within its delay.

    Args:
        labels: settled rows with `known_time`, the time from which they count.
    """
    codes, known = _encode(labels.select([TRANSACTION_ID])), _micros(labels[KNOWN_TIME])
    stated = _micros(labels[STATED_TIME])
    order = np.lexsort((np.arange(len(codes)), _sources(labels), stated, codes))[::-1]
    codes, known = codes[order], known[order]
    # From the last statement back, one counts if it is known before all that follow.
    starts = np.append(True, np.diff(codes) != 0)[: len(codes)]
    group = np.cumsum(starts) - 1
    kept = _are_falling(group, known)
    return labels.take(pa.array(np.sort(order[kept])))


def newest_of_chains(labels: pa.Table) -> pa.Table:
    """Select the latest statement of each chain."""
    chains = _encode(labels.select([TRANSACTION_ID, SOURCE_TIME]))
    order = np.lexsort((_micros(labels[STATED_TIME]), chains))
    last = np.append(np.diff(chains[order]) != 0, True)[: len(order)]
    return labels.take(pa.array(order[last]))


def _are_falling(group: Int64s, values: Int64s) -> Bools:
    """Mark values that are less than all before them in their group."""
    kept = np.append(True, (group[1:] != group[:-1]) | (values[1:] < values[:-1]))[: len(group)]
    while True:
        at = np.flatnonzero(kept)
        again = np.append(
            True, (group[at][1:] != group[at][:-1]) | (values[at][1:] < values[at][:-1])
        )[: len(at)]
        if again.all():
            return kept
        kept[at[~again]] = False


def are_equal(rows: pa.Table, one: Int64s, other: Int64s, content: Sequence[str]) -> Bools:
    """Compare rows by their numbers; null equals null, and NaN equals NaN."""
    same = np.ones(len(one), dtype=np.bool_)
    for name in content:
        column = rows[name].combine_chunks()
        left, right = column.take(pa.array(one)), column.take(pa.array(other))
        equal = pc.fill_null(pc.equal(left, right), fill_value=False)
        both = pc.and_(left.is_null(nan_is_null=True), right.is_null(nan_is_null=True))
        same &= pc.or_(equal, both).to_numpy(zero_copy_only=False)
    return same


def _encode(columns: pa.Table) -> Int64s:
    """Encode each row's combination of values as a number from 0 on; null is a value too."""
    codes = np.zeros(columns.num_rows, dtype=np.int64)
    for column in columns.columns:
        encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
        own = encoded.indices.cast(pa.int64()).to_numpy(zero_copy_only=False)
        paired = codes * (len(encoded.dictionary) + 1) + own
        _, codes = np.unique(paired, return_inverse=True)
    return codes


def _sources(rows: pa.Table) -> Int64s:
    return _micros(
        pc.fill_null(rows[SOURCE_TIME], pa.scalar(0, rows.schema.field(SOURCE_TIME).type))
    )


def _micros(times: pa.ChunkedArray) -> Int64s:
    if isinstance(times, pa.ChunkedArray):
        times = times.combine_chunks()
    found: Int64s = times.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return found
