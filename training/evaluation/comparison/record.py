"""Values of a comparison, as the evaluation record of a run holds them.

A value that came later has a default, so that records of before it can be read.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from expectations.contract import AttributeKind
from training.bundle import Bundle
from training.evaluation.comparison.curves import Points
from training.evaluation.comparison.explanation import Case
from training.evaluation.scored import ScoredRows


@dataclass(frozen=True, slots=True)
class Candidate:
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
class ModelSummary:
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
        recall_by_false_positives: points of (false-positive rate, recall) up to 5 %.
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
    recall_by_false_positives: Points = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the test rows.

    Attributes:
        candidate: its average precision; None where there are no frauds to measure, or only those.
        champion: the same of the champion; None without one too.
        gain: candidate less champion.
        is_judged: True with the frauds that the gate asks of a slice.
        own: the candidate's average precision with its interval; None as `candidate`.
        auc: the candidate's.
        alerts: the candidate's; None in a record that does not hold them.
    """

    name: str
    rows: int
    frauds: int
    candidate: float | None
    champion: float | None
    gain: Estimate | None
    is_judged: bool
    own: Estimate | None = None
    auc: float | None = None
    alerts: int | None = None

    @property
    def is_worse(self) -> bool:
        """True if the candidate is shown to be worse: the whole interval lies below 0."""
        high = None if self.gain is None else self.gain.high
        return self.is_judged and high is not None and high < 0


@dataclass(frozen=True, slots=True)
class ComparedCase:
    """A row that the candidate got wrong most.

    Attributes:
        champion_score: what the champion gave it; None without one.
    """

    case: Case
    champion_score: float | None


@dataclass(frozen=True, slots=True)
class Day:
    """The candidate on one day of the test window.

    Attributes:
        number: from 0.
        average_precision: None where there are no frauds to measure, or only those.
        auc: the same.
        money: saved.
    """

    number: int
    rows: int
    frauds: int
    average_precision: Estimate | None
    auc: float | None
    alerts: int
    money: float


@dataclass(frozen=True, slots=True)
class FeatureContribution:
    """Contribution of a column to the candidate's scores, in log odds, over test rows.

    Attributes:
        mean_size: mean of its absolute value.
        low, high: mean over the quarter of the rows with its lowest and its highest values; None
            where the values are all alike or missing.
    """

    name: str
    mean_size: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class ScoreBin:
    """Rows whose score lies in a bin that begins at `start`."""

    start: float
    legitimate: int
    frauds: int


@dataclass(frozen=True, slots=True)
class BaselineCurves:
    """The logistic regression on the test rows; points as in `ModelSummary`."""

    precision_recall: Points
    recall_by_false_positives: Points


@dataclass(frozen=True, slots=True)
class Comparison:
    """Candidate and champion on the test rows.

    Attributes:
        days: with rows, of the test window.
        champion: None when there is none, or it cannot be compared.
        gains: candidate less champion by the names of `ModelSummary.estimates`; empty without one.
        false_positives: legitimate rows that the candidate scored highest.
        false_negatives: frauds that it scored lowest.
        by_day: the candidate on each day.
        contributions: of the columns with the largest, largest first.
        scores: the candidate's, counted in bins.
        baseline: None in a record that does not hold it.
    """

    format: int
    days: int
    rows: int
    frauds: int
    candidate: ModelSummary
    champion: ModelSummary | None
    gains: Mapping[str, Estimate]
    slices: tuple[Slice, ...]
    false_positives: tuple[ComparedCase, ...]
    false_negatives: tuple[ComparedCase, ...] = ()
    by_day: tuple[Day, ...] = ()
    contributions: tuple[FeatureContribution, ...] = ()
    scores: tuple[ScoreBin, ...] = ()
    baseline: BaselineCurves | None = None
