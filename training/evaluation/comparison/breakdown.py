"""A candidate in detail: its days, its scores, and the columns that move them."""

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score

from training.evaluation.bootstrap import Ranking, draw_weights, interval
from training.evaluation.comparison.explanation import summarise
from training.evaluation.comparison.record import Day, Estimate, FeatureContribution, ScoreBin
from training.evaluation.money_saved import money_by_day
from training.evaluation.scored import ScoredModel, ScoredRows
from training.learners import FittedModel

DIGITS = 12
DAY_RESAMPLES = 200
SCORE_BINS = 50
SHOWN_FEATURES = 20

Floats = npt.NDArray[np.float64]


def estimate(value: float, samples: Floats) -> Estimate:
    """Return a value with the interval of its bootstrap samples."""
    # Sums in another order differ in the last bits, and a gain of 0 must not look like a loss.
    low, high, shown = (round(each, DIGITS) for each in (*interval(samples), value))
    return Estimate(shown, *((low, high) if np.isfinite(low) else (None, None)))


def measure_days(model: ScoredModel) -> tuple[Day, ...]:
    """Measure each day that has rows."""
    scored, policy = model.scored, model.policy
    money = money_by_day(scored, policy=policy, threshold=model.threshold)
    return tuple(
        _measure_day(day, scored.take(scored.days == day), model, saved)
        for day, saved in zip(np.unique(scored.days).tolist(), money.tolist(), strict=True)
    )


def count_scores(scored: ScoredRows) -> tuple[ScoreBin, ...]:
    """Count frauds and legitimate rows in 50 bins of the score."""
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    legitimate, frauds = (
        np.histogram(scored.scores[scored.labels == label], edges)[0].tolist() for label in (0, 1)
    )
    return tuple(
        ScoreBin(*each) for each in zip(edges[:-1].tolist(), legitimate, frauds, strict=True)
    )


def feature_contributions(
    model: FittedModel, scored: ScoredRows, *, seed: int
) -> tuple[FeatureContribution, ...]:
    """List the 20 columns with the largest mean absolute contribution over 2,000 test rows."""
    parts, values = summarise(model, scored, seed=seed)
    sizes = np.abs(parts).mean(axis=0)
    order = np.argsort(-sizes, kind="stable")[:SHOWN_FEATURES]
    names = scored.rows.encoding.names
    return tuple(
        FeatureContribution(names[at], float(sizes[at]), *_ends(parts[:, at], values[:, at]))
        for at in order
    )


def _ends(parts: Floats, values: Floats) -> tuple[float | None, float | None]:
    known = np.isfinite(values)
    if not known.any() or np.ptp(values[known]) == 0:
        return None, None
    low, high = np.quantile(values[known], [0.25, 0.75])
    return (
        float(parts[known & (values <= low)].mean()), float(parts[known & (values >= high)].mean()),
    )  # fmt: skip


def _measure_day(day: int, scored: ScoredRows, model: ScoredModel, money: float) -> Day:
    labels, scores = scored.labels, scored.scores
    precision = auc = None
    if 0 < labels.sum() < len(labels):
        ranking = Ranking(scores, labels)
        drawn = draw_weights(scored.customers, resamples=DAY_RESAMPLES, seed=model.policy.seed)
        samples = np.array([ranking.average_precision(weights) for weights in drawn])
        precision = estimate(float(average_precision_score(labels, scores)), samples)
        auc = float(roc_auc_score(labels, scores))
    return Day(
        number=day,
        rows=len(labels),
        frauds=int(labels.sum()),
        average_precision=precision,
        auc=auc,
        alerts=int((scores >= model.threshold).sum()),
        money=money,
    )
