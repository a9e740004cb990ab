"""What a model did on a test window, in the measures of the field."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score, roc_curve

from training.bundle import reviewed_gains
from training.evaluation.bootstrap import Ranking, draw_weights, interval
from training.evaluation.scored import ScoredRows
from training.policy import TrainingPolicy

Floats = npt.NDArray[np.float64]
FALSE_POSITIVE_RATES = {"0_5": 0.005, "1": 0.01, "2": 0.02}
MAX_CALIBRATION_BINS, FRAUDS_PER_BIN = 10, 25
RESAMPLES = 500


def evaluate(scored: ScoredRows, *, policy: TrainingPolicy, threshold: float) -> dict[str, float]:
    """Metrics of a test window; `test_…` each.

    Args:
        scored: rows with both frauds and others.
        policy: `card_precision_k` and the entity it is counted over; cost and capacity of reviews.
        threshold: from which score on a row is an alert.
    """
    labels, scores = scored.labels, scored.scores
    alerts = scores >= threshold
    metrics = {
        "test_rows": float(len(labels)),
        "test_frauds": float(labels.sum()),
        "test_auc": float(roc_auc_score(labels, scores)),
        "test_average_precision": float(average_precision_score(labels, scores)),
        "test_brier": float(brier_score_loss(labels, scores)),
        "test_calibration_error": calibration_error(labels, scores),
        "test_alert_rate": float(alerts.mean()),
        "test_alert_precision": float(labels[alerts].mean()) if alerts.any() else 0.0,
        "test_alert_recall": float(labels[alerts].sum() / labels.sum()),
    }
    rates, hits, _ = roc_curve(labels, scores)
    for name, limit in FALSE_POSITIVE_RATES.items():
        metrics[f"test_recall_at_{name}pct_fpr"] = float(hits[rates <= limit].max())
    daily = money_by_day(scored, policy=policy, threshold=threshold)
    metrics["test_money_saved_per_day"] = float(daily.mean())
    # What reviewing every fraud that pays, and nothing else, would save.
    perfect = money_by_day(scored, policy=policy, threshold=0.5, scores=labels.astype(np.float64))
    metrics["perfect_money_saved_per_day"] = float(perfect.mean())
    if policy.exclude_detected is not None:
        metrics |= _card_precision(scored, policy)
    return metrics


def metric_intervals(
    scored: ScoredRows, *, policy: TrainingPolicy, threshold: float
) -> dict[str, tuple[float, float]]:
    """95 % bootstrap intervals, customers drawn whole, of the metrics that a decision rests on."""
    ranking = Ranking(scored.scores, scored.labels)
    gains = money_by_row(scored, policy=policy, threshold=threshold)
    days = len(np.unique(scored.days))
    measured: dict[str, Callable[[Floats], float]] = {
        "test_average_precision": ranking.average_precision,
        "test_auc": ranking.auc,
        "test_money_saved_per_day": lambda weights: float(weights @ gains) / days,
    }
    samples: dict[str, list[float]] = {name: [] for name in measured}
    for weights in draw_weights(scored.customers, resamples=RESAMPLES, seed=policy.seed):
        for name, measure in measured.items():
            samples[name].append(measure(weights))
    return {name: interval(np.array(values)) for name, values in samples.items()}


def money_by_row(
    scored: ScoredRows, *, policy: TrainingPolicy, threshold: float, scores: Floats | None = None
) -> Floats:
    """What each row brings when alerts are reviewed; other scores may stand in for its own."""
    return reviewed_gains(
        scored.scores if scores is None else scores,
        scored.labels,
        scored.amounts,
        scored.days,
        threshold=threshold,
        review=policy.review,
    )


def money_by_day(
    scored: ScoredRows, *, policy: TrainingPolicy, threshold: float, scores: Floats | None = None
) -> Floats:
    """The same added up for each day that has rows, in the order of the days."""
    gains = money_by_row(scored, policy=policy, threshold=threshold, scores=scores)
    _, position = np.unique(scored.days, return_inverse=True)
    return np.asarray(np.bincount(position, weights=gains), dtype=np.float64)


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
    """Expected calibration error: the mean over rows of |mean score - share of frauds| of a bin."""
    bins = calibration_bins(labels, scores)
    return sum(count * abs(mean - share) for mean, share, count in bins) / len(scores)


def daily_card_precision(
    cards: npt.NDArray[np.generic],
    days: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int8],
    scores: Floats,
    *,
    k: int,
) -> list[float]:
    """Of the k cards with the highest score of each day, the share that had a fraud that day.

    A card found on one day is dropped on later days, for it is stopped (Fraud Detection Handbook,
    "Precision top-k metrics").

    Returns:
        One number per day that has rows, in order.
    """
    found: set[object] = set()
    daily = []
    for day in np.unique(days):
        on_day = np.flatnonzero(days == day)
        best: dict[object, tuple[float, int]] = {}
        for card, score, label in zip(
            cards[on_day].tolist(), scores[on_day], labels[on_day], strict=True
        ):
            if card not in found:
                high, fraud = best.get(card, (-np.inf, 0))
                best[card] = max(high, float(score)), max(fraud, int(label))
        ranked = sorted(best.items(), key=lambda item: -item[1][0])[:k]
        hits = [card for card, (_, fraud) in ranked if fraud]
        daily.append(len(hits) / k)
        found.update(hits)
    return daily


def _card_precision(scored: ScoredRows, policy: TrainingPolicy) -> dict[str, float]:
    cards = scored.rows.facts[str(policy.exclude_detected)].to_numpy()
    k, labels = policy.card_precision_k, scored.labels
    daily = daily_card_precision(cards, scored.days, labels, scored.scores, k=k)
    # Days with fewer than k defrauded cards keep even a perfect score below 1.
    perfect = daily_card_precision(cards, scored.days, labels, labels.astype(np.float64), k=k)
    return {
        f"test_{policy.card_precision_metric}": float(np.mean(daily)),
        f"perfect_{policy.card_precision_metric}": float(np.mean(perfect)),
    }
