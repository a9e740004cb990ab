"""Turns raw scores into probabilities, without changing which of two rows scores higher.

Fitted on out-of-fold scores. The same arithmetic stands in `infra/serving`, number for number.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

Floats = npt.NDArray[np.float64]

# With fewer frauds a step function follows single rows; two parameters are all they can carry.
MIN_FRAUDS_ISOTONIC, MIN_FRAUDS_PLATT = 50, 10
EDGE = 1e-12


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a raw score becomes a probability.

    Attributes:
        method: `isotonic` joins the knots by straight lines; `platt` is
            `1 / (1 + exp(-(slope * logit + intercept)))`; `identity` changes nothing.
        scores, values: the knots of `isotonic`, both ascending; from (0, 0) to (1, 1).
    """

    method: Literal["identity", "isotonic", "platt"] = "identity"
    scores: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, raw: Floats) -> Floats:
        """Probabilities, one a raw score in [0, 1]."""
        return np.array([self._one(score) for score in raw.tolist()], dtype=np.float64)

    def _one(self, score: float) -> float:
        if self.method == "identity":
            return score
        if self.method == "platt":
            return _platt(score, self.slope, self.intercept)
        return _interpolate(score, self.scores, self.values)


def fit_calibration(
    raw: Floats, labels: npt.NDArray[np.int8], *, method: Literal["isotonic", "platt", "none"]
) -> Calibration:
    """Fit on scores of rows the model was not fitted on.

    `isotonic` is centred isotonic regression (Oron & Flournoy 2017): the blocks of scikit-learn's
    isotonic regression, each put at its mean score, joined by straight lines; where the plain one
    is flat, rows would lose their order. With under 50 frauds Platt's sigmoid (Platt 1999) is
    fitted instead, and with under 10 nothing.

    Args:
        raw: scores in [0, 1].
        labels: 0 or 1, one a score.
        method: what the policy asks for.
    """
    frauds = int(labels.sum())
    if method == "none" or not MIN_FRAUDS_PLATT <= frauds < len(labels):
        return Calibration()
    if method == "platt" or frauds < MIN_FRAUDS_ISOTONIC:
        return _fit_platt(raw, labels)
    return _fit_isotonic(raw, labels)


def _fit_platt(raw: Floats, labels: npt.NDArray[np.int8]) -> Calibration:
    logits = np.array([[_logit(score)] for score in raw.tolist()])
    model = LogisticRegression(C=np.inf, max_iter=1_000).fit(logits, labels)
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    # A falling curve would turn the model round; its scores then carry nothing to calibrate.
    return Calibration("platt", slope=slope, intercept=intercept) if slope > 0 else Calibration()


def _fit_isotonic(raw: Floats, labels: npt.NDArray[np.int8]) -> Calibration:
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(raw, labels)
    values, block = np.unique(fitted, return_inverse=True)
    centres = np.bincount(block, weights=raw) / np.bincount(block)
    knots = [
        (float(score), float(value))
        for score, value in zip(centres, values, strict=True)
        if 0 < score < 1 and 0 < value < 1
    ]
    scores, chances = zip((0.0, 0.0), *knots, (1.0, 1.0), strict=True)
    return Calibration("isotonic", scores=scores, values=chances)


def _interpolate(score: float, scores: Sequence[float], values: Sequence[float]) -> float:
    at = min(max(bisect_right(scores, score), 1), len(scores) - 1)
    low, high = scores[at - 1], scores[at]
    return values[at - 1] + (values[at] - values[at - 1]) * ((score - low) / (high - low))


def _platt(score: float, slope: float, intercept: float) -> float:
    return 1.0 / (1.0 + math.exp(-(slope * _logit(score) + intercept)))


def _logit(score: float) -> float:
    inside = min(max(score, EDGE), 1.0 - EDGE)
    return math.log(inside / (1.0 - inside))
