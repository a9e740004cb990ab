"""Metrics of a model on a test window: one table for the log, the review page and backtests.

To add one is an entry of `METRICS` and an oracle of its own in tests/training/evaluation.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from training.bundle import is_reviewed
from training.evaluation.bootstrap import Ranking, draw_weights, interval
from training.evaluation.calibration_bins import calibration_error
from training.evaluation.card_precision import daily_card_precision
from training.evaluation.metric import Metric, MetricValue, Weighted
from training.evaluation.money_saved import money_by_day, money_by_row
from training.evaluation.scored import ScoredModel, ScoredRows
from training.policy import TrainingPolicy

Floats = npt.NDArray[np.float64]
RESAMPLES = 500


def list_metrics(policy: TrainingPolicy) -> list[Metric]:
    """Metrics that a policy has; those over cards need the entity `exclude_detected`."""
    return [*METRICS, *([] if policy.exclude_detected is None else [card_precision(policy)])]


def evaluate(scored: ScoredRows, *, policy: TrainingPolicy, threshold: float) -> dict[str, float]:
    """Compute the metrics of a test window under their names in MLflow.

    Args:
        scored: rows with both frauds and others.
        policy: `card_precision_k` and the entity it is counted over; cost and capacity of reviews.
        threshold: from which score on a row is an alert.
    """
    model = ScoredModel(scored, threshold, policy)
    perfect = model.perfect()
    values: dict[str, float] = {}
    for metric in list_metrics(policy):
        if metric.is_logged:
            values[metric.logged] = metric.compute(model)
        if metric.has_perfect:
            values[metric.logged_perfect] = metric.compute(perfect)
    return values


def metric_intervals(
    scored: ScoredRows, *, policy: TrainingPolicy, threshold: float
) -> dict[str, tuple[float, float]]:
    """Compute 95 % bootstrap intervals, customers drawn whole, under the names in MLflow."""
    model = ScoredModel(scored, threshold, policy)
    weighted = {
        metric.logged: metric.resample(model)
        for metric in list_metrics(policy)
        if metric.is_logged and metric.resample is not None
    }
    samples: dict[str, list[float]] = {name: [] for name in weighted}
    for weights in draw_weights(scored.customers, resamples=RESAMPLES, seed=policy.seed):
        for name, measure in weighted.items():
            samples[name].append(measure(weights))
    return {name: interval(np.array(values)) for name, values in samples.items()}


def tabulate_metrics(
    values: Mapping[str, float],
    *,
    intervals: Mapping[str, tuple[float, float]],
    baseline: Mapping[str, float],
    policy: TrainingPolicy,
) -> tuple[MetricValue, ...]:
    """Put what is logged of a model beside the logistic regression and a perfect model.

    Args:
        values: from `evaluate`.
        intervals: from `metric_intervals`.
        baseline: from `evaluate`, of the logistic regression.
        policy: of all.
    """
    return tuple(
        MetricValue(
            title=metric.title,
            unit=metric.unit,
            value=values[metric.logged],
            interval=intervals.get(metric.logged),
            baseline=None if metric.unit == "count" else baseline[metric.logged],
            perfect=values.get(metric.logged_perfect),
        )
        for metric in list_metrics(policy)
        if metric.is_logged
    )


def card_precision(policy: TrainingPolicy) -> Metric:
    """Precision of the k cards with the highest scores of each day, mean over the days."""
    k = policy.card_precision_k

    def compute(model: ScoredModel) -> float:
        scored = model.scored
        cards = scored.rows.metadata[str(policy.exclude_detected)].to_numpy()
        daily = daily_card_precision(cards, scored.days, scored.labels, scored.scores, k=k)
        return float(np.mean(daily))

    return Metric(
        name=policy.card_precision_metric, title=f"card precision@{k}", unit="score",
        higher_is_better=True, compute=compute, is_backtested=True, has_baseline=True,
        # Days with fewer than k defrauded cards keep even a perfect score below 1.
        has_perfect=True,
    )  # fmt: skip


def _if_both(measure: Callable[..., float]) -> Callable[[ScoredModel], float]:
    """Return a function of labels and scores, NaN where the rows hold frauds only or none."""

    def compute(model: ScoredModel) -> float:
        labels, scores = model.scored.labels, model.scored.scores
        return float(measure(labels, scores)) if 0 < labels.sum() < len(labels) else float("nan")

    return compute


def _ranking(model: ScoredModel) -> Ranking:
    return Ranking(model.scored.scores, model.scored.labels)


def _resample_recall(limit: float, model: ScoredModel) -> Weighted:
    """Highest recall of a threshold that flags at most a share of the legitimate rows."""
    return partial(_ranking(model).recall_at, max_false_positive_rate=limit)


def _recall(limit: float, model: ScoredModel) -> float:
    return _resample_recall(limit, model)(np.ones(len(model.scored)))


def _alert_precision(model: ScoredModel) -> float:
    return float(model.scored.labels[model.alerts].mean()) if model.alerts.any() else 0.0


def _alert_recall(model: ScoredModel) -> float:
    frauds = model.scored.labels.sum()
    return float(model.scored.labels[model.alerts].sum() / frauds) if frauds else float("nan")


def _reviewed(model: ScoredModel) -> npt.NDArray[np.bool_]:
    return is_reviewed(
        model.scored.scores, model.scored.days, threshold=model.threshold,
        capacity=model.policy.review.capacity,
    )  # fmt: skip


def _money_by_row(model: ScoredModel) -> Floats:
    return money_by_row(model.scored, policy=model.policy, threshold=model.threshold)


def _money_a_day(model: ScoredModel) -> float:
    daily = money_by_day(model.scored, policy=model.policy, threshold=model.threshold)
    return float(daily.mean())


def _sum_a_day(
    by_row: Callable[[ScoredModel], Floats | npt.NDArray[np.bool_]], model: ScoredModel
) -> Weighted:
    """Weighted sum of the rows' values, a day."""
    values = by_row(model).astype(np.float64) / len(np.unique(model.scored.days))
    return lambda weights: float(weights @ values)


def _count_a_day(
    name: str,
    title: str,
    by_row: Callable[[ScoredModel], npt.NDArray[np.bool_]],
    *,
    higher_is_better: bool | None = None,
    is_headline: bool = False,
) -> Metric:
    """Dataset a day of which something is true."""
    return Metric(
        name=name, title=title, unit="count_a_day", higher_is_better=higher_is_better,
        compute=lambda model: _sum_a_day(by_row, model)(np.ones(len(model.scored))),
        resample=partial(_sum_a_day, by_row), is_per_day=True, is_logged=False, is_compared=True,
        is_headline=is_headline,
    )  # fmt: skip


# In the order in which people read them.
METRICS = (
    Metric(
        name="money_saved", title="money saved a day", unit="money", higher_is_better=True,
        compute=_money_a_day, resample=partial(_sum_a_day, _money_by_row), is_per_day=True,
        is_compared=True, is_headline=True, has_baseline=True,
        # What reviewing every fraud that pays, and nothing else, would save.
        has_perfect=True,
    ),
    _count_a_day("alerts", "alerts a day", lambda model: model.alerts, is_headline=True),
    _count_a_day("reviews", "alerts reviewed a day", _reviewed),
    _count_a_day(
        "frauds_found", "frauds found a day",
        lambda model: _reviewed(model) & (model.scored.labels == 1), higher_is_better=True,
    ),
    Metric(
        name="average_precision", title="average precision", unit="score", higher_is_better=True,
        compute=_if_both(average_precision_score),
        resample=lambda model: _ranking(model).average_precision,
        is_compared=True, is_headline=True, is_backtested=True, has_baseline=True,
    ),
    Metric(
        name="auc", title="AUC", unit="score", higher_is_better=True,
        compute=_if_both(roc_auc_score), resample=lambda model: _ranking(model).auc,
        is_compared=True, is_backtested=True, has_baseline=True,
    ),
    Metric(
        name="rows", title="rows", unit="count", higher_is_better=None,
        compute=lambda model: float(len(model.scored)),
    ),
    Metric(
        name="frauds", title="frauds", unit="count", higher_is_better=None,
        compute=lambda model: float(model.scored.labels.sum()),
    ),
    Metric(
        name="brier", title="Brier score", unit="score", higher_is_better=False,
        compute=lambda model: float(
            brier_score_loss(model.scored.labels, model.scored.scores, pos_label=1)
        ),
    ),
    Metric(
        name="calibration_error", title="expected calibration error", unit="score",
        higher_is_better=False,
        compute=lambda model: float(calibration_error(model.scored.labels, model.scored.scores)),
    ),
    Metric(
        name="alert_rate", title="alert rate", unit="share", higher_is_better=None,
        compute=lambda model: float(model.alerts.mean()),
    ),
    Metric(
        name="alert_precision", title="precision of the alerts", unit="share",
        higher_is_better=True, compute=_alert_precision,
    ),
    Metric(
        name="alert_recall", title="recall of the alerts", unit="share", higher_is_better=True,
        compute=_alert_recall,
    ),
    Metric(
        name="recall_at_0_1pct_fpr", title="recall at 0.1 % false positives", unit="share",
        higher_is_better=True, compute=partial(_recall, 0.001),
        resample=partial(_resample_recall, 0.001), is_compared=True, is_backtested=True,
    ),
    Metric(
        name="recall_at_0_5pct_fpr", title="recall at 0.5 % false positives", unit="share",
        higher_is_better=True, compute=partial(_recall, 0.005),
    ),
    Metric(
        name="recall_at_1pct_fpr", title="recall at 1 % false positives", unit="share",
        higher_is_better=True, compute=partial(_recall, 0.01),
    ),
    Metric(
        name="recall_at_2pct_fpr", title="recall at 2 % false positives", unit="share",
        higher_is_better=True, compute=partial(_recall, 0.02),
    ),
)  # fmt: skip
