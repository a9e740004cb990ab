"""Metrics, comparisons and the promotion gate."""

from training.evaluation.comparison import (
    BaselineCurves,
    Candidate,
    Case,
    ComparedCase,
    Comparison,
    Day,
    Estimate,
    FeatureContribution,
    ModelSummary,
    Points,
    ScoreBin,
    Slice,
    compare_models,
)
from training.evaluation.metric import Metric, MetricValue, Unit
from training.evaluation.metrics import (
    METRICS,
    card_precision,
    evaluate,
    list_metrics,
    metric_intervals,
    tabulate_metrics,
)
from training.evaluation.promotion_gate import (
    Check,
    GateResult,
    Mask,
    ModelUnderTest,
    compare,
    judge_alone,
)
from training.evaluation.scored import ScoredRows, score_rows
from training.evaluation.slices import slice_masks

__all__ = [
    "METRICS",
    "BaselineCurves",
    "Candidate",
    "Case",
    "Check",
    "ComparedCase",
    "Comparison",
    "Day",
    "Estimate",
    "FeatureContribution",
    "GateResult",
    "Mask",
    "Metric",
    "MetricValue",
    "ModelSummary",
    "ModelUnderTest",
    "Points",
    "ScoreBin",
    "ScoredRows",
    "Slice",
    "Unit",
    "card_precision",
    "compare",
    "compare_models",
    "evaluate",
    "judge_alone",
    "list_metrics",
    "metric_intervals",
    "score_rows",
    "slice_masks",
    "tabulate_metrics",
]
