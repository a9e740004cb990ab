"""Bootstrap samples of whole customers, and average precision of weighted rows.

Rows of one customer are alike, so intervals that resample rows are too narrow; customers are drawn
instead, and a row counts as often as its customer was drawn (Field & Welsh 2007).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


def draw_weights(clusters: Codes, *, resamples: int, seed: int) -> Iterator[Floats]:
    """Row weights of each bootstrap sample.

    Args:
        clusters: a number from 0 for the customer of each row.
        resamples: how many samples.
        seed: of the draws.
    """
    chance = np.random.default_rng(seed)
    count = int(clusters.max()) + 1
    for _ in range(resamples):
        drawn = np.bincount(chance.integers(0, count, count), minlength=count)
        yield drawn[clusters].astype(np.float64)


def interval(samples: Floats, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the two-sided percentile interval of bootstrap samples; NaN where none is finite."""
    finite = samples[np.isfinite(samples)]
    if not len(finite):
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, high = np.quantile(finite, [tail, 1 - tail])
    return float(low), float(high)


class Ranking:
    """Scores in falling order, so that weighted metrics take one pass.

    Equal to scikit-learn's `average_precision_score` and `roc_auc_score` with `sample_weight`.
    """

    def __init__(self, scores: Floats, labels: npt.NDArray[np.int8]) -> None:
        self._order = np.argsort(-scores, kind="stable")
        ordered = scores[self._order]
        self._is_fraud = labels[self._order].astype(np.float64)
        self._ends = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
        # Of groups of equal scores, average precision only looks at those with a fraud: one sum
        # over the rows from each of them to the next.
        frauds = np.flatnonzero(self._is_fraud)
        ends = self._ends[np.unique(np.searchsorted(self._ends, frauds))]
        self._starts = np.append(0, ends + 1)[: len(ends)]
        self._asked = self._order[: ends[-1] + 1] if len(ends) else self._order[:0]
        self._frauds = self._order[frauds]
        self._fraud_starts = np.searchsorted(frauds, self._starts)

    def average_precision(self, weights: Floats) -> float:
        """NaN when no fraud has weight."""
        if not len(self._frauds):
            return float("nan")
        gained = np.add.reduceat(weights[self._frauds], self._fraud_starts)
        hits = gained.cumsum()
        if hits[-1] <= 0:
            return float("nan")
        seen = np.add.reduceat(weights[self._asked], self._starts).cumsum()
        precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
        return float((gained * precision).sum() / hits[-1])

    def auc(self, weights: Floats) -> float:
        """NaN when frauds or others have no weight."""
        hits, all_ = self._sums(weights)
        misses = all_ - hits
        if hits[-1] <= 0 or misses[-1] <= 0:
            return float("nan")
        area = np.trapezoid(np.append(0.0, hits), np.append(0.0, misses))
        return float(area / (hits[-1] * misses[-1]))

    def recall_at(self, weights: Floats, *, max_false_positive_rate: float) -> float:
        """Highest recall with at most such a share of the others; NaN as for `auc`."""
        hits, all_ = self._sums(weights)
        misses = all_ - hits
        if hits[-1] <= 0 or misses[-1] <= 0:
            return float("nan")
        allowed = misses / misses[-1] <= max_false_positive_rate
        return float(hits[allowed].max(initial=0.0) / hits[-1])

    def _sums(self, weights: Floats) -> tuple[Floats, Floats]:
        ordered = weights[self._order]
        hits = (ordered * self._is_fraud).cumsum()[self._ends]
        return hits, ordered.cumsum()[self._ends]


def cluster_codes(values: npt.NDArray[np.generic]) -> Codes:
    """Return a number from 0 for each distinct value."""
    _, codes = np.unique(values, return_inverse=True)
    return np.asarray(codes, dtype=np.int64)
