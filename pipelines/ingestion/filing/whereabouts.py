"""The days that hold transactions: moved ones, with versions on several days, and reported ones."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from expectations.contract import TRANSACTION_ID
from pipelines.ingestion.index import DeliveredIds, IdIndex
from pipelines.ingestion.readers.values.hashes import hash_ids

Hashes = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]


class MovedIds:
    """Transactions with versions on several days, which are merged apart from the days.

    Args:
        hashes: of their ids, sorted.
    """

    def __init__(self, hashes: Hashes) -> None:
        self.hashes = hashes

    @property
    def has_moved(self) -> bool:
        """True if a transaction has versions on several days."""
        return bool(len(self.hashes))

    def moved(self, rows: pa.Table) -> pa.Table:
        """Select the rows of moved transactions."""
        return rows.filter(self._mask(rows)) if self.has_moved else rows.slice(0, 0)

    def others(self, rows: pa.Table) -> pa.Table:
        """Select the rows of transactions that did not move."""
        return rows.filter(pa.array(~np.asarray(self._mask(rows)))) if self.has_moved else rows

    def _mask(self, rows: pa.Table) -> pa.Array:
        hashes = hash_ids(rows[TRANSACTION_ID])
        place = np.searchsorted(self.hashes, hashes)
        place[place == len(self.hashes)] = 0
        return pa.array(self.hashes[place] == hashes)


class Whereabouts(MovedIds):
    """The days that hold the transactions of a delivery and of its reports.

    Args:
        index: of the table of transactions; it gets the entries of the delivery.
        delivered: ids of the delivery, of the type of the table's.
        reported: ids of fraud reports, of that type too.
    """

    def __init__(
        self, index: IdIndex, delivered: DeliveredIds, *, reported: pa.ChunkedArray
    ) -> None:
        hashes = hash_ids(reported)
        order = np.argsort(hashes, kind="stable")
        survey = delivered.survey(index, hashes[order])
        super().__init__(survey.repeated)
        self.moved_days = frozenset(_texts(survey.repeated_days))
        by_day = np.lexsort((order[survey.positions], survey.days))
        self._reports = order[survey.positions][by_day]
        self._days = survey.days[by_day]

    def reports_by_day(self) -> Iterator[tuple[str, Positions]]:
        """Yield days that may hold reported transactions, with the positions of the reports."""
        days, starts = np.unique(self._days, return_index=True)
        for day, own in zip(_texts(days), np.split(self._reports, starts[1:]), strict=False):
            yield day, np.unique(own)


def _texts(days: npt.NDArray[np.int32]) -> list[str]:
    return [str(day) for day in days.astype("datetime64[D]")]
