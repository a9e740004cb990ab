"""Raw score to probability, on one score; training calls the same functions."""

import math
from bisect import bisect_right
from collections.abc import Callable

from infra.serving.model.bundle import Calibration

# A score of exactly 0 or 1 has no logit.
EDGE = 1e-12

Calibrate = Callable[[float], float]


def calibrate_with(calibration: Calibration) -> Calibrate:
    """Return the function that a bundle's calibration describes."""
    if calibration.method == "identity":
        return float
    if calibration.method == "isotonic":
        return _interpolation(calibration.scores, calibration.values)
    return _sigmoid(calibration.slope, calibration.intercept)


def _interpolation(scores: tuple[float, ...], values: tuple[float, ...]) -> Calibrate:
    last = len(scores) - 1

    def calibrate(score: float) -> float:
        at = min(max(bisect_right(scores, score), 1), last)
        low, high = scores[at - 1], scores[at]
        return values[at - 1] + (values[at] - values[at - 1]) * ((score - low) / (high - low))

    return calibrate


def _sigmoid(slope: float, intercept: float) -> Calibrate:
    def calibrate(score: float) -> float:
        return 1.0 / (1.0 + math.exp(-(slope * log_odds(score) + intercept)))

    return calibrate


def log_odds(score: float) -> float:
    """Logit of a score, which is kept off 0 and 1 by 1e-12."""
    inside = min(max(score, EDGE), 1.0 - EDGE)
    return math.log(inside / (1.0 - inside))
