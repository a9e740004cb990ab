"""Dataset of a train window that a model is fitted on, and their weights."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from expectations.contract import Interval, parse_duration
from training.data import Dataset
from training.learners.learner import Params

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows that a model is fitted on, and how much each counts.

    Attributes:
        positions: rows, ascending.
        weights: one a row; None: all count the same.
    """

    positions: Positions
    weights: npt.NDArray[np.float32] | None = None


def select_rows(rows: Dataset, window: Interval, *, params: Params, seed: int) -> Selection:
    """Return the rows of a train window that a model is fitted on.

    Of the legitimate rows a share of `negative_rate` is kept, and each counts for all that it
    stands for, so that scores stay probabilities.

    Args:
        rows: in time order; may hold more than the window.
        window: the train window; only its last `history` is used.
        params: `history` and `negative_rate` are read.
        seed: of the choice.
    """
    start = max(window.start, window.end - parse_duration(str(params["history"])))
    first, end = rows.bounds(Interval(start=start, end=window.end))
    positions = np.arange(first, end, dtype=np.int64)
    rate = float(params["negative_rate"])
    if rate >= 1:
        return Selection(positions)
    is_fraud = rows.labels[first:end] == 1
    kept = is_fraud | (np.random.default_rng([seed, 1]).random(end - first) < rate)
    weights = np.where(is_fraud, 1.0, 1.0 / rate).astype(np.float32)
    return Selection(positions[kept], weights[kept])
