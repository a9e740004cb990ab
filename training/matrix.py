"""Rows as the numbers LightGBM reads: categories by their index, everything missing as NaN."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import AttributeKind

Floats = npt.NDArray[np.float64]


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

    def encode(self, rows: pa.Table) -> Floats:
        """A matrix of shape (rows, columns); a category unknown in training is NaN."""
        matrix = np.empty((rows.num_rows, len(self.columns)), order="F")
        for at, (name, kind) in enumerate(self.columns.items()):
            values = rows[name]
            if kind == "categorical":
                known = pa.array(self.categories[name], pa.string())
                values = pc.index_in(values.cast(pa.string()), value_set=known)
            numbers = values.cast(pa.float64()).to_numpy()
            matrix[:, at] = np.where(np.isfinite(numbers), numbers, np.nan)
        return matrix


def learn_encoding(rows: pa.Table, columns: Mapping[str, AttributeKind]) -> Encoding:
    """Take the categories from rows, in the order of their text."""
    categories = {
        name: tuple(sorted(pc.unique(rows[name].cast(pa.string()).drop_null()).to_pylist()))
        for name, kind in columns.items()
        if kind == "categorical"
    }
    return Encoding(columns=dict(columns), categories=categories)
