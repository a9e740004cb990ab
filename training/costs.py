"""What reviewing alerts saves: the amounts of the frauds among them, less the reviews."""

import numpy as np
import numpy.typing as npt

from training.policy import ReviewPolicy

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]


def review_gains(labels: Labels, amounts: Floats, review: ReviewPolicy) -> Floats:
    """What reviewing each row brings: `recovery * amount - cost` for a fraud, else `-cost`.

    This is the difference of the two rows of a cost matrix with the amount of each transaction: a
    missed fraud costs its amount, a reviewed one what is not recovered and the review.
    """
    return np.asarray(labels * amounts * review.recovery - review.cost, dtype=np.float64)


def reviewed(
    scores: Floats,
    days: npt.NDArray[np.int64],
    *,
    threshold: float,
    review: ReviewPolicy,
) -> npt.NDArray[np.bool_]:
    """Which rows are reviewed: of each day's alerts those with the highest scores, up to capacity.

    Of equal scores the earlier row comes first.
    """
    order = np.lexsort((np.arange(len(scores)), -scores, days))
    ranks = np.arange(len(scores)) - np.searchsorted(days[order], days[order])
    flags = np.zeros(len(scores), dtype=np.bool_)
    flags[order] = ranks < review.capacity
    return flags & (scores >= threshold)


def saved_per_day(
    labels: Labels,
    amounts: Floats,
    chosen: npt.NDArray[np.bool_],
    days: npt.NDArray[np.int64],
    *,
    review: ReviewPolicy,
) -> Floats:
    """Money saved on each day that has rows, in the order of the days."""
    gains = np.where(chosen, review_gains(labels, amounts, review), 0.0)
    _, position = np.unique(days, return_inverse=True)
    return np.asarray(np.bincount(position, weights=gains), dtype=np.float64)
