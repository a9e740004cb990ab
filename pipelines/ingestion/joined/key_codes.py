"""Keys of one or more columns as numbers: rows of equal keys have the same number."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Int64s = npt.NDArray[np.int64]
NO_KEY = -1


class KeyCodes:
    """The numbers of the keys of some rows.

    Args:
        keys: the columns of the key; a row that is null in one of them has no key.
    """

    def __init__(self, keys: Sequence[pa.ChunkedArray]) -> None:
        self._values = [pc.unique(column.drop_null()) for column in keys]
        self._pairs: list[Int64s] = []
        self.codes = self._places(keys[0], 0)
        for at in range(1, len(keys)):
            pairs = self._pair(self.codes, keys[at], at)
            self._pairs.append(np.unique(pairs[pairs != NO_KEY]))
            self.codes = _search(self._pairs[-1], pairs)

    def find(self, keys: Sequence[pa.ChunkedArray]) -> Int64s:
        """Return the number of each of other rows' keys, -1 for one that is none of these."""
        codes = self._places(keys[0], 0)
        for at in range(1, len(keys)):
            codes = _search(self._pairs[at - 1], self._pair(codes, keys[at], at))
        return codes

    def _places(self, column: pa.ChunkedArray, at: int) -> Int64s:
        if column.type != self._values[at].type:
            column = column.cast(self._values[at].type)
        places = pc.index_in(column.combine_chunks(), value_set=self._values[at], skip_nulls=True)
        found: Int64s = pc.fill_null(places, NO_KEY).cast(pa.int64()).to_numpy()
        return found

    def _pair(self, codes: Int64s, column: pa.ChunkedArray, at: int) -> Int64s:
        own = self._places(column, at)
        pairs = codes * max(len(self._values[at]), 1) + own
        return np.where((codes == NO_KEY) | (own == NO_KEY), NO_KEY, pairs)


def _search(values: Int64s, wanted: Int64s) -> Int64s:
    """Return the position of each number in sorted ones, -1 where it is not among them."""
    if not len(values):
        return np.full(len(wanted), NO_KEY, dtype=np.int64)
    places = np.searchsorted(values, wanted)
    places[places == len(values)] = 0
    return np.where(values[places] == wanted, places, NO_KEY)
