"""Candidate and champion on the same test rows: every figure that a reviewer compares.

Both are measured on the same bootstrap samples of whole customers, so that what both find easy or
hard cancels out of their difference.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from training.evaluation.bootstrap import Ranking, draw_weights
from training.evaluation.calibration_bins import calibration_bins
from training.evaluation.comparison.breakdown import (
    count_scores,
    estimate,
    feature_contributions,
    measure_days,
)
from training.evaluation.comparison.curves import (
    money_by_reviews,
    operating_point,
    precision_recall_points,
    recall_points,
)
from training.evaluation.comparison.explanation import (
    explain_cases,
    highest_legitimate,
    lowest_frauds,
    top_reasons,
)
from training.evaluation.comparison.record import (
    BaselineCurves,
    Candidate,
    ComparedCase,
    Comparison,
    Estimate,
    ModelSummary,
    Slice,
)
from training.evaluation.metrics import METRICS, RESAMPLES
from training.evaluation.promotion_gate import MIN_SLICE_FRAUDS, Mask
from training.evaluation.scored import ScoredModel, ScoredRows
from training.policy import TrainingPolicy

FORMAT = 1

Floats = npt.NDArray[np.float64]


def compare_models(
    candidate: Candidate,
    champion: Candidate | None,
    *,
    slices: Mapping[str, Mask],
    policy: TrainingPolicy,
    baseline: Floats | None = None,
) -> Comparison:
    """Measure both on the rows of the candidate.

    Args:
        candidate: with its scores.
        champion: with its own of the same rows in the same order.
        slices: name to the rows of each.
        policy: seed, and cost and capacity of reviews.
        baseline: scores of the logistic regression; None: its curves are left out.
    """
    scored = candidate.scored
    ours = _Sampled(candidate, slices, policy)
    theirs = None if champion is None else _Sampled(champion, slices, policy)
    return Comparison(
        format=FORMAT,
        days=len(np.unique(scored.days)),
        rows=len(scored),
        frauds=int(scored.labels.sum()),
        candidate=_figures(candidate, ours, policy),
        champion=None if champion is None or theirs is None else _figures(champion, theirs, policy),
        gains={} if theirs is None else {n: ours.gain_on(theirs, n) for n in ours.compared},
        slices=tuple(_slice(name, candidate, mask, ours, theirs) for name, mask in slices.items()),
        false_positives=_cases(candidate, champion, highest_legitimate(scored)),
        false_negatives=_cases(candidate, champion, lowest_frauds(scored)),
        by_day=measure_days(ScoredModel(scored, candidate.bundle.threshold, policy)),
        contributions=feature_contributions(candidate.bundle.model, scored, seed=policy.seed),
        scores=count_scores(scored),
        baseline=None if baseline is None else _baseline(replace(scored, scores=baseline)),
    )


class _Sampled:
    """A model's figures on the rows as they are, and on each bootstrap sample of customers.

    The same rows and seed give the same samples, so those of two models are pairs.
    """

    def __init__(
        self, model: Candidate, slices: Mapping[str, Mask], policy: TrainingPolicy
    ) -> None:
        scored = model.scored
        under_test = ScoredModel(scored, model.bundle.threshold, policy)
        self._measures = {
            metric.name: metric.resample(under_test)
            for metric in METRICS
            if metric.is_compared and metric.resample is not None
        }
        self._slices = {
            _slice_key(name): (mask, Ranking(scored.scores[mask], scored.labels[mask]))
            for name, mask in slices.items()
            if 0 < scored.labels[mask].sum() < mask.sum()
        }
        self.observed = self._measure(np.ones(len(scored)))
        self._samples = [
            self._measure(weights)
            for weights in draw_weights(scored.customers, resamples=RESAMPLES, seed=policy.seed)
        ]

    @property
    def compared(self) -> list[str]:
        """Names of the metrics, in the order of their table."""
        return list(self._measures)

    def estimate(self, name: str) -> Estimate:
        return estimate(self.observed[name], self._values(name))

    def gain_on(self, other: "_Sampled", name: str) -> Estimate:
        gained = self.observed[name] - other.observed[name]
        return estimate(gained, self._values(name) - other._values(name))

    def _values(self, name: str) -> Floats:
        return np.array([sample[name] for sample in self._samples])

    def _measure(self, weights: Floats) -> dict[str, float]:
        measured = {name: measure(weights) for name, measure in self._measures.items()}
        for key, (mask, ranking) in self._slices.items():
            measured[key] = ranking.average_precision(weights[mask])
        return measured


def _figures(model: Candidate, sampled: _Sampled, policy: TrainingPolicy) -> ModelSummary:
    scored, bundle = model.scored, model.bundle
    threshold = bundle.threshold
    return ModelSummary(
        threshold=threshold,
        calibration=bundle.calibration.method,
        columns=bundle.model.encoding.columns,
        estimates={name: sampled.estimate(name) for name in sampled.compared},
        precision_recall=precision_recall_points(scored),
        operating_point=operating_point(scored, threshold=threshold),
        calibration_bins=tuple(calibration_bins(scored.labels, scored.scores)),
        money_by_reviews=money_by_reviews(scored, policy=policy, threshold=threshold),
        top_reasons=top_reasons(bundle.model, scored, threshold=threshold, seed=policy.seed),
        recall_by_false_positives=recall_points(scored),
    )


def _slice(
    name: str, candidate: Candidate, mask: Mask, ours: _Sampled, theirs: _Sampled | None
) -> Slice:
    key, scored = _slice_key(name), candidate.scored
    labels, scores = scored.labels[mask], scored.scores[mask]
    frauds = int(labels.sum())
    is_measured = key in ours.observed
    return Slice(
        name=name,
        rows=len(labels),
        frauds=frauds,
        candidate=ours.observed[key] if is_measured else None,
        champion=theirs.observed[key] if is_measured and theirs is not None else None,
        gain=ours.gain_on(theirs, key) if is_measured and theirs is not None else None,
        is_judged=is_measured and frauds >= MIN_SLICE_FRAUDS,
        own=ours.estimate(key) if is_measured else None,
        auc=float(roc_auc_score(labels, scores)) if is_measured else None,
        alerts=int((scores >= candidate.bundle.threshold).sum()),
    )


def _cases(
    candidate: Candidate, champion: Candidate | None, at: npt.NDArray[np.int64]
) -> tuple[ComparedCase, ...]:
    cases = explain_cases(candidate.bundle.model, candidate.scored, at)
    others = [None] * len(at) if champion is None else champion.scored.scores[at].tolist()
    return tuple(ComparedCase(*each) for each in zip(cases, others, strict=True))


def _baseline(scored: ScoredRows) -> BaselineCurves:
    return BaselineCurves(precision_recall_points(scored), recall_points(scored))


def _slice_key(name: str) -> str:
    """Apart from the figures, whatever a category is called."""
    return f"slice {name}"
