"""Bins of scores that hold about as much expected fraud each, and how far they are off."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
MAX_CALIBRATION_BINS, FRAUDS_PER_BIN = 10, 25


def calibration_groups(labels: npt.NDArray[np.int8], scores: Floats) -> list[npt.NDArray[np.int64]]:
    """Positions of the rows of bins that hold about as much expected fraud each, lowest first.

    Bins of equal rows would put all that matters, under 1 % of frauds, into the last one. There are
    up to 10, and no more than one for 25 frauds: a bin of few shows chance, not calibration.
    """
    bins = min(MAX_CALIBRATION_BINS, max(1, int(labels.sum()) // FRAUDS_PER_BIN))
    order = np.argsort(scores, kind="stable")
    expected = scores[order].cumsum()
    if expected[-1] <= 0:
        return [order]
    number = np.minimum((expected / expected[-1] * bins).astype(int), bins - 1)
    return [order[number == at] for at in np.unique(number)]


def calibration_bins(
    labels: npt.NDArray[np.int8], scores: Floats
) -> list[tuple[float, float, int]]:
    """Mean score, share of frauds and rows of each of the `calibration_groups`."""
    return [
        (float(scores[own].mean()), float(labels[own].mean()), len(own))
        for own in calibration_groups(labels, scores)
    ]


def calibration_error(labels: npt.NDArray[np.int8], scores: Floats) -> float:
    """Compute the mean over rows of |mean score - share of frauds| of their bin."""
    bins = calibration_bins(labels, scores)
    return sum(count * abs(mean - share) for mean, share, count in bins) / len(scores)
