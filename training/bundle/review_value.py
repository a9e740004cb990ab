"""Money that reviewing alerts saves: the amounts of the frauds among them, less the reviews."""

import numpy as np
import numpy.typing as npt

from training.policy import ReviewPolicy

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]


def review_gains(labels: Labels, amounts: Floats, review: ReviewPolicy) -> Floats:
    """Compute the gain of reviewing each row: `recovery * amount - cost`, or `-cost`.

    This is the difference of the two rows of a cost matrix with the amount of each transaction: a
    missed fraud costs its amount, a reviewed one what is not recovered and the review.
    """
    return np.asarray(labels * amounts * review.recovery - review.cost, dtype=np.float64)


def reviewed_gains(
    scores: Floats,
    labels: Labels,
    amounts: Floats,
    days: npt.NDArray[np.int64],
    *,
    threshold: float,
    review: ReviewPolicy,
) -> Floats:
    """Compute the gain of each row when alerts are reviewed; 0 for one that is not.

    Of each day's alerts those with the highest scores are, up to capacity; of equal scores the
    earlier row.
    """
    chosen = is_reviewed(scores, days, threshold=threshold, capacity=review.capacity)
    return np.where(chosen, review_gains(labels, amounts, review), 0.0)


def is_reviewed(
    scores: Floats, days: npt.NDArray[np.int64], *, threshold: float, capacity: int
) -> npt.NDArray[np.bool_]:
    """Return True for each alert within the review capacity of its day."""
    return (daily_ranks(scores, days) < capacity) & (scores >= threshold)


def daily_ranks(scores: Floats, days: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Place of each row on its day, 0 for the highest score; of equal scores the earlier row."""
    order = np.lexsort((np.arange(len(scores)), -scores, days))
    ranks = np.empty(len(scores), dtype=np.int64)
    ranks[order] = np.arange(len(scores)) - np.searchsorted(days[order], days[order])
    return ranks
