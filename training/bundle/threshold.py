"""The score from which a transaction is an alert: by alert rate, false-positive rate or cost."""

import numpy as np
import numpy.typing as npt

from training.bundle.review_value import reviewed_gains
from training.policy import TrainingPolicy

Floats = npt.NDArray[np.float64]


def choose_threshold(
    scores: Floats,
    labels: npt.NDArray[np.int8],
    amounts: Floats,
    days: npt.NDArray[np.int64],
    *,
    policy: TrainingPolicy,
) -> float:
    """Return the threshold that `policy.threshold` asks for.

    Args:
        scores: of rows the model was not fitted on; at least one.
        labels: 0 or 1 a row.
        amounts: one a row.
        days: a number for the day of each row.
        policy: says what the threshold is made from.
    """
    if policy.threshold == "cost":
        return cheapest_threshold(scores, labels, amounts, days, policy=policy)
    if policy.threshold == "false_positive_rate":
        legitimate = scores[labels == 0]
        return rate_threshold(legitimate, max_rate=policy.false_positive_rate)
    return rate_threshold(scores, max_rate=policy.alert_rate)


def threshold_name(policy: TrainingPolicy) -> str:
    """Says in the bundle what the threshold was made from."""
    if policy.threshold == "cost":
        review = policy.review
        return f"cost_{review.cost:g}_capacity_{review.capacity}_recovery_{review.recovery:g}"
    return f"{policy.threshold}_{getattr(policy, policy.threshold)}"


def rate_threshold(scores: Floats, *, max_rate: float) -> float:
    """Return the smallest threshold with at most `max_rate` of the scores at or above it.

    Where several rows share the score at the limit, none of them is an alert.

    >>> rate_threshold(np.array([0.1, 0.2, 0.3, 0.4]), max_rate=0.5)
    0.3
    """
    distinct, counts = np.unique(scores, return_counts=True)
    at_or_above = counts[::-1].cumsum()[::-1]
    allowed = distinct[at_or_above <= max_rate * len(scores)]
    return float(allowed[0]) if len(allowed) else float(np.nextafter(distinct[-1], np.inf))


def cheapest_threshold(
    scores: Floats,
    labels: npt.NDArray[np.int8],
    amounts: Floats,
    days: npt.NDArray[np.int64],
    *,
    policy: TrainingPolicy,
) -> float:
    """Return the threshold that saves most on these rows, given the cost and capacity of reviews.

    A row beyond a day's capacity is never reviewed, so it neither costs nor saves. Above every
    score when no review pays.
    """
    gains = reviewed_gains(scores, labels, amounts, days, threshold=-np.inf, review=policy.review)
    order = np.argsort(-scores, kind="stable")
    saved = gains[order].cumsum()
    is_last_of_equals = np.append(np.diff(scores[order]) != 0, True)
    saved = np.where(is_last_of_equals, saved, -np.inf)
    best = int(saved.argmax())
    if saved[best] <= 0:
        return float(np.nextafter(scores[order[0]], np.inf))
    return float(scores[order[best]])
