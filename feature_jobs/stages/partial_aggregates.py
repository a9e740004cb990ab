"""Partial aggregates of skewed keys' slices, as the arrays that the running kernel takes."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_jobs.declaration import FeatureGroup
from feature_jobs.kernels import SQUARE_DIGITS, SUM_DIGITS
from feature_jobs.kernels import windows as kernel
from feature_jobs.stages.skew import COMPUTATION, COUNTS, SLICE, SQUARES, SUMS

Int64s = npt.NDArray[np.int64]


class PartialAggregates:
    """Partial aggregates of the slices, summed over their payloads, as the kernel's arrays."""

    def __init__(
        self, rows: pa.Table, starts: Int64s, group: FeatureGroup, partials: pa.Table | None
    ) -> None:
        self._of = np.full(max(len(starts) - 1, 0), -1, dtype=np.int64)
        self._lines: dict[int, list[tuple[int, dict[str, object]]]] = {}
        if partials is None:
            return
        names = [*group.keys, SLICE]
        heads = rows.select(names).take(pa.array(starts[:-1])).to_pylist()
        position = {tuple(head.values()): at for at, head in enumerate(heads)}
        for line in partials.to_pylist():
            at = position.get(tuple(line[name] for name in names))
            if at is not None:  # a slice without rows has nothing to compute
                self._lines.setdefault(line[COMPUTATION], []).append((at, line))

    def has(self, computation: int) -> bool:
        """Return True if a slice has a partial aggregate of a computation."""
        return computation in self._lines

    def of(self, computation: int) -> tuple[Int64s, Int64s, Int64s, Int64s]:
        """Return for each history its line or -1, and the lines of counts, sums and squares."""
        found = self._lines.get(computation, [])
        histories = sorted({at for at, _ in found})
        number = {at: line for line, at in enumerate(histories)}
        of = self._of.copy()
        of[histories] = range(len(histories))
        sizes = {COUNTS: kernel.COUNT_COLUMNS, SUMS: SUM_DIGITS, SQUARES: SQUARE_DIGITS}
        made = {name: np.zeros((len(histories), size), np.int64) for name, size in sizes.items()}
        for at, line in found:
            for name, total in made.items():
                total[number[at]] += np.array(line[name], dtype=np.int64)
        return of, made[COUNTS], made[SUMS], made[SQUARES]
