"""The days under which transactions are filed or delivered."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import TRANSACTION_ID
from pipelines.ingestion.day_rows import DayRows
from pipelines.lake import Lake

Int64s = npt.NDArray[np.int64]


class Whereabouts:
    """The days of every transaction, filed or in a delivery."""

    def __init__(self, lake: Lake, table: str, delivered: DayRows) -> None:
        at = lake.latest(table)
        held = [] if at is None else list(lake.read_days(at, columns=[TRANSACTION_ID]))
        held += [(day, rows) for day in delivered.days if (rows := delivered.read(day)) is not None]
        names = sorted({day for day, _ in held})
        number = {day: at for at, day in enumerate(names)}
        self._names = np.array(names, dtype=object)
        ids = [rows[TRANSACTION_ID].combine_chunks() for _, rows in held]
        self._ids = pa.concat_arrays(ids) if ids else pa.array([], pa.int64())
        days = [np.full(rows.num_rows, number[day]) for day, rows in held]
        self._days: Int64s = np.concatenate(days) if days else np.zeros(0, np.int64)

    def find(self, ids: pa.Array) -> tuple[Int64s, list[str]]:
        """Find every day that may hold a transaction: positions in `ids`, and a day for each."""
        hits = np.flatnonzero(pc.is_in(self._ids, value_set=ids).to_numpy(zero_copy_only=False))
        places = pc.index_in(self._ids.take(pa.array(hits)), value_set=ids).to_numpy()
        pairs = np.unique(np.stack([places, self._days[hits]]), axis=1)
        return pairs[0].astype(np.int64), list(self._names[pairs[1]])

    def moved(self, delivered: DayRows) -> pa.Array:
        """Find the delivered transactions of which versions lie on several days."""
        own = [rows[TRANSACTION_ID] for d in delivered.days if (rows := delivered.read(d))]
        if not own:
            return self._ids.slice(0, 0)
        ids = pa.chunked_array([c for column in own for c in column.chunks])
        pairs = pa.table({"id": self._ids, "day": self._days}).group_by(["id", "day"])
        counted = pairs.aggregate([]).group_by("id").aggregate([("day", "count")])
        several = counted.filter(pc.greater(counted["day_count"], 1))["id"].combine_chunks()
        return several.filter(pc.is_in(several, value_set=ids.combine_chunks()))
