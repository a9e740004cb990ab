"""Fits what turns raw scores into probabilities, without changing which of two rows scores higher.

Fitted on out-of-fold scores; `infra.serving.model` holds the arithmetic.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from infra.serving.model import Calibration, calibrate_with, log_odds

Floats = npt.NDArray[np.float64]

# With fewer frauds a step function follows single rows; two parameters are all they can carry.
MIN_FRAUDS_ISOTONIC, MIN_FRAUDS_PLATT = 50, 10
IDENTITY = Calibration("identity")


def apply_calibration(calibration: Calibration, scores: Floats) -> Floats:
    """Probabilities, one a raw score in [0, 1]."""
    calibrate = calibrate_with(calibration)
    return np.array([calibrate(score) for score in scores.tolist()], dtype=np.float64)


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
        return IDENTITY
    if method == "platt" or frauds < MIN_FRAUDS_ISOTONIC:
        return _fit_platt(raw, labels)
    return _fit_isotonic(raw, labels)


def _fit_platt(raw: Floats, labels: npt.NDArray[np.int8]) -> Calibration:
    logits = np.array([[log_odds(score)] for score in raw.tolist()])
    model = LogisticRegression(C=np.inf, max_iter=1_000).fit(logits, labels)
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    # A falling curve would turn the model round; its scores then carry nothing to calibrate.
    return Calibration("platt", slope=slope, intercept=intercept) if slope > 0 else IDENTITY


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
