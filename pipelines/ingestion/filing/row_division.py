"""Rows of one day divided by their transactions."""

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import TRANSACTION_ID


def divide_rows(rows: pa.Table, ids: pa.ChunkedArray) -> tuple[pa.Table, pa.Table]:
    """Divide rows into those of other transactions and those of these ids."""
    if not rows.num_rows:
        return rows, rows
    mask = pc.is_in(rows[TRANSACTION_ID], value_set=ids.combine_chunks())
    return rows.filter(pc.invert(mask)), rows.filter(mask)
