"""Rows as the numbers LightGBM reads: 32-bit columns, categories by their index, missing as NaN.

A number is rounded to 32 bits wherever it is trained on or scored, so that both see the same bits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import AttributeKind

NUMBER = pa.float32()


@dataclass(frozen=True, slots=True)
class Encoding:
    """The model's columns in order; of a categorical one, the categories seen in training."""

    columns: Mapping[str, AttributeKind]
    categories: Mapping[str, tuple[str, ...]]

    @property
    def names(self) -> list[str]:
        """Column names in the model's order."""
        return list(self.columns)

    @property
    def categorical(self) -> list[int]:
        """Positions of the categorical columns."""
        return [at for at, kind in enumerate(self.columns.values()) if kind == "categorical"]

    def encode(self, rows: pa.Table) -> pa.Table:
        """Write the columns as float32; not finite and a category unknown in training: NaN."""
        return pa.table({name: self.encode_column(name, rows[name]) for name in self.columns})

    def encode_column(self, name: str, values: pa.ChunkedArray) -> npt.NDArray[np.float32]:
        """One of the columns."""
        if self.columns[name] == "categorical":
            known = pa.array(self.categories[name], pa.string())
            values = pc.index_in(values.cast(pa.string()), value_set=known)
        numbers: npt.NDArray[np.float32] = values.cast(NUMBER, safe=False).to_numpy()
        return np.where(np.isfinite(numbers), numbers, np.float32(np.nan))


def learn_encoding(rows: pa.Table, columns: Mapping[str, AttributeKind]) -> Encoding:
    """Take the categories from rows, in the order of their text; only those columns are read.

    An empty text is no category but a missing value, in training as in requests.
    """
    categories = {
        name: tuple(sorted(filter(None, pc.unique(rows[name].cast(pa.string())).to_pylist())))
        for name, kind in columns.items()
        if kind == "categorical"
    }
    return Encoding(columns=dict(columns), categories=categories)


def as_numbers(matrix: pa.Table) -> npt.NDArray[np.float32]:
    """Return a dense copy of shape (rows, columns), missing as NaN; for few rows."""
    columns = [column.to_numpy() for column in matrix.columns]
    return np.stack(columns, axis=1) if columns else np.empty((matrix.num_rows, 0), np.float32)
