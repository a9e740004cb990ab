"""Money that reviewing alerts saves, by row and by day."""

import numpy as np
import numpy.typing as npt

from training.bundle import reviewed_gains
from training.evaluation.scored import ScoredRows
from training.policy import TrainingPolicy

Floats = npt.NDArray[np.float64]


def money_by_row(scored: ScoredRows, *, policy: TrainingPolicy, threshold: float) -> Floats:
    """Gain of each row when alerts are reviewed: 0 for a row that is not reviewed."""
    return reviewed_gains(
        scored.scores,
        scored.labels,
        scored.amounts,
        scored.days,
        threshold=threshold,
        review=policy.review,
    )


def money_by_day(scored: ScoredRows, *, policy: TrainingPolicy, threshold: float) -> Floats:
    """Gains added up for each day that has rows, in the order of the days."""
    gains = money_by_row(scored, policy=policy, threshold=threshold)
    _, position = np.unique(scored.days, return_inverse=True)
    return np.asarray(np.bincount(position, weights=gains), dtype=np.float64)
