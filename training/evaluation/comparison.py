"""Candidate and champion on the same test rows: every figure that a reviewer compares.

Both are measured on the same bootstrap samples of whole customers, so that what both find easy or
hard cancels out of their difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from expectations.contract import AttributeKind
from training.bundle import Bundle
from training.evaluation.bootstrap import Ranking, draw_weights, interval
from training.evaluation.calibration_bins import calibration_bins
from training.evaluation.curves import (
    Points,
    money_by_reviews,
    operating_point,
    precision_recall_points,
)
from training.evaluation.explanation import Case, false_positives, highest_legitimate, top_reasons
from training.evaluation.gate import MIN_SLICE_FRAUDS, Mask
from training.evaluation.metrics import METRICS, RESAMPLES
from training.evaluation.scored import ScoredModel, ScoredRows
from training.policy import TrainingPolicy

FORMAT = 1
DIGITS = 12

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contender:
    """A model with its scores of the test rows, the rows as it reads them."""

    bundle: Bundle
    scored: ScoredRows


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; None for limits that no sample gave."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """One model on the test rows.

    Attributes:
        threshold: from this score on a row is an alert.
        calibration: its method.
        columns: what its requests hold.
        estimates: of the metrics that are compared, by name.
        precision_recall: points of (recall, precision).
        operating_point: that of its alerts; None without alerts.
        calibration_bins: mean score, share of frauds and rows of each bin.
        money_by_reviews: points of (reviews a day, money saved a day).
        top_reasons: feature to the share of alerts that it raised most.
    """

    threshold: float
    calibration: str
    columns: Mapping[str, AttributeKind]
    estimates: Mapping[str, Estimate]
    precision_recall: Points
    operating_point: tuple[float, float] | None
    calibration_bins: tuple[tuple[float, float, int], ...]
    money_by_reviews: Points
    top_reasons: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the test rows.

    Attributes:
        candidate: its average precision; None where there are no frauds to measure, or only those.
        champion: the same of the champion; None without one too.
        gain: candidate less champion.
        is_judged: whether it has the frauds that the gate asks of a slice.
    """

    name: str
    rows: int
    frauds: int
    candidate: float | None
    champion: float | None
    gain: Estimate | None
    is_judged: bool

    @property
    def is_worse(self) -> bool:
        """Whether the candidate is shown to be worse: the whole interval lies below 0."""
        high = None if self.gain is None else self.gain.high
        return self.is_judged and high is not None and high < 0


@dataclass(frozen=True, slots=True)
class FalsePositive:
    """A legitimate row that the candidate scored high.

    Attributes:
        champion_score: what the champion gave it; None without one.
    """

    case: Case
    champion_score: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that is told of both.

    Attributes:
        days: with rows, of the test window.
        champion: None when there is none, or it cannot be compared.
        gains: candidate less champion under the names of `Figures.estimates`; empty without one.
    """

    format: int
    days: int
    rows: int
    frauds: int
    candidate: Figures
    champion: Figures | None
    gains: Mapping[str, Estimate]
    slices: tuple[Slice, ...]
    false_positives: tuple[FalsePositive, ...]


def compare_models(
    candidate: Contender,
    champion: Contender | None,
    *,
    slices: Mapping[str, Mask],
    policy: TrainingPolicy,
) -> Comparison:
    """Measure both on the rows of the candidate.

    Args:
        candidate: with its scores.
        champion: with its own of the same rows in the same order.
        slices: name to the rows of each.
        policy: seed, and cost and capacity of reviews.
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
        slices=tuple(
            _slice(name, scored.labels[mask], ours, theirs) for name, mask in slices.items()
        ),
        false_positives=_false_positives(candidate, champion),
    )


class _Sampled:
    """A model's figures on the rows as they are, and on each bootstrap sample of customers.

    The same rows and seed give the same samples, so those of two models are pairs.
    """

    def __init__(
        self, model: Contender, slices: Mapping[str, Mask], policy: TrainingPolicy
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
        return _estimate(self.observed[name], self._values(name))

    def gain_on(self, other: "_Sampled", name: str) -> Estimate:
        gained = self.observed[name] - other.observed[name]
        return _estimate(gained, self._values(name) - other._values(name))

    def _values(self, name: str) -> Floats:
        return np.array([sample[name] for sample in self._samples])

    def _measure(self, weights: Floats) -> dict[str, float]:
        measured = {name: measure(weights) for name, measure in self._measures.items()}
        for key, (mask, ranking) in self._slices.items():
            measured[key] = ranking.average_precision(weights[mask])
        return measured


def _figures(model: Contender, sampled: _Sampled, policy: TrainingPolicy) -> Figures:
    scored, bundle = model.scored, model.bundle
    threshold = bundle.threshold
    return Figures(
        threshold=threshold,
        calibration=bundle.calibration.method,
        columns=bundle.model.encoding.columns,
        estimates={name: sampled.estimate(name) for name in sampled.compared},
        precision_recall=precision_recall_points(scored),
        operating_point=operating_point(scored, threshold=threshold),
        calibration_bins=tuple(calibration_bins(scored.labels, scored.scores)),
        money_by_reviews=money_by_reviews(scored, policy=policy, threshold=threshold),
        top_reasons=top_reasons(bundle.model, scored, threshold=threshold, seed=policy.seed),
    )


def _slice(
    name: str, labels: npt.NDArray[np.int8], ours: _Sampled, theirs: _Sampled | None
) -> Slice:
    key, frauds = _slice_key(name), int(labels.sum())
    is_measured = key in ours.observed
    return Slice(
        name=name,
        rows=len(labels),
        frauds=frauds,
        candidate=ours.observed[key] if is_measured else None,
        champion=theirs.observed[key] if is_measured and theirs is not None else None,
        gain=ours.gain_on(theirs, key) if is_measured and theirs is not None else None,
        is_judged=is_measured and frauds >= MIN_SLICE_FRAUDS,
    )


def _false_positives(candidate: Contender, champion: Contender | None) -> tuple[FalsePositive, ...]:
    at = highest_legitimate(candidate.scored)
    cases = false_positives(candidate.bundle.model, candidate.scored)
    others = [None] * len(at) if champion is None else champion.scored.scores[at].tolist()
    return tuple(FalsePositive(*each) for each in zip(cases, others, strict=True))


def _estimate(value: float, samples: Floats) -> Estimate:
    # Sums in another order differ in the last bits, and a gain of 0 must not look like a loss.
    low, high, shown = (round(each, DIGITS) for each in (*interval(samples), value))
    return Estimate(shown, *((low, high) if np.isfinite(low) else (None, None)))


def _slice_key(name: str) -> str:
    """Apart from the figures, whatever a category is called."""
    return f"slice {name}"
