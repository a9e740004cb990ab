"""Curves of a model on a test window, with no more points than a picture can show."""

import numpy as np
import numpy.typing as npt
from sklearn.metrics import precision_recall_curve, roc_curve

from training.bundle import daily_ranks, review_gains
from training.evaluation.scored import ScoredRows
from training.policy import TrainingPolicy

MOST_POINTS = 200
MAX_FALSE_POSITIVE_RATE = 0.05

Floats = npt.NDArray[np.float64]
Points = tuple[tuple[float, float], ...]


def precision_recall_points(scored: ScoredRows) -> Points:
    """Recall and precision by falling score, from the first fraud on.

    Of the points of one recall the first and the last are kept, the best precision and the worst,
    so that the line runs through every threshold.
    """
    precision, recall, _ = precision_recall_curve(scored.labels, scored.scores)
    # Highest scores first, without the point (0, 1), which no score reaches.
    recall, precision = recall[-2::-1], precision[-2::-1]
    firsts = np.flatnonzero(np.diff(recall, prepend=0.0) > 0)
    corners = np.union1d(firsts, np.append(firsts[1:] - 1, len(recall) - 1))
    kept = corners[_spread(len(corners))]
    return tuple(zip(recall[kept].tolist(), precision[kept].tolist(), strict=True))


def recall_points(scored: ScoredRows) -> Points:
    """False-positive rate and recall by falling score, up to a rate of 5 %."""
    rates, recalls, _ = roc_curve(scored.labels, scored.scores)
    count = int((rates <= MAX_FALSE_POSITIVE_RATE).sum())
    kept = _spread(count)
    return tuple(zip(rates[kept].tolist(), recalls[kept].tolist(), strict=True))


def operating_point(scored: ScoredRows, *, threshold: float) -> tuple[float, float] | None:
    """Recall and precision of the alerts; None when there are none."""
    alerts = scored.scores >= threshold
    if not alerts.any():
        return None
    hits = float(scored.labels[alerts].sum())
    return hits / float(scored.labels.sum()), hits / float(alerts.sum())


def money_by_reviews(scored: ScoredRows, *, policy: TrainingPolicy, threshold: float) -> Points:
    """Compute the money saved a day by the number of reviews, up to twice the capacity."""
    most = 2 * policy.review.capacity
    alerts = scored.scores >= threshold
    gains = review_gains(scored.labels, scored.amounts, policy.review)
    ranks = daily_ranks(scored.scores, scored.days)[alerts]
    by_rank = np.bincount(ranks, weights=gains[alerts], minlength=most)[:most]
    daily = np.append(0.0, by_rank.cumsum()) / len(np.unique(scored.days))
    # The capacity itself is among the points: it is what the picture is about.
    kept = np.union1d(_spread(most + 1), [policy.review.capacity])
    return tuple(zip(kept.astype(float).tolist(), daily[kept].tolist(), strict=True))


def _spread(count: int) -> npt.NDArray[np.int64]:
    """Positions of at most `MOST_POINTS` of so many points, the first and the last among them."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, MOST_POINTS)).astype(np.int64))
