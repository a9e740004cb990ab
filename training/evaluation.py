"""What a model did on a test window, in the measures of the field."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from expectations.contract import LABEL, InputError
from training.policy import TrainingPolicy
from training.rows import day_numbers
from training.splits import Fold

Floats = npt.NDArray[np.float64]
FALSE_POSITIVE_RATE = 0.01


def evaluate(
    rows: pa.Table, scores: Floats, *, fold: Fold, policy: TrainingPolicy, threshold: float
) -> dict[str, float]:
    """Metrics of a test window; `test_…` each.

    Args:
        rows: the test rows, with their labels.
        scores: one a row.
        fold: the fold they belong to.
        policy: `card_precision_k` and the entity it is counted over.
        threshold: from which score on a row is an alert.

    Raises:
        InputError: when the window holds no fraud or nothing else; nothing can be said then.
    """
    labels = rows[LABEL].to_numpy()
    frauds = int(labels.sum())
    if not 0 < frauds < len(labels):
        raise InputError(
            f"The test window {fold.test} holds {frauds} frauds in {len(labels):,} rows; metrics "
            "need frauds and others. Lengthen training.test_window, or choose another as_of."
        )
    alerts = scores >= threshold
    rates, hits, _ = roc_curve(labels, scores)
    metrics = {
        "test_rows": float(len(labels)),
        "test_frauds": float(frauds),
        "test_auc": float(roc_auc_score(labels, scores)),
        "test_average_precision": float(average_precision_score(labels, scores)),
        "test_recall_at_1pct_fpr": float(hits[rates <= FALSE_POSITIVE_RATE].max()),
        "test_alert_rate": float(alerts.mean()),
        "test_alert_precision": float(labels[alerts].mean()) if alerts.any() else 0.0,
    }
    if policy.exclude_detected is not None:
        cards, days = rows[policy.exclude_detected].to_numpy(), day_numbers(rows, fold.test)
        k = policy.card_precision_k
        daily = daily_card_precision(cards, days, labels, scores, k=k)
        metrics[f"test_{policy.card_precision_metric}"] = float(np.mean(daily))
        # Days with fewer than k defrauded cards keep even a perfect score below 1.
        perfect = daily_card_precision(cards, days, labels, labels.astype(np.float64), k=k)
        metrics[f"perfect_{policy.card_precision_metric}"] = float(np.mean(perfect))
    return metrics


def daily_card_precision(
    cards: npt.NDArray[np.generic],
    days: npt.NDArray[np.int64],
    labels: npt.NDArray[np.generic],
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
