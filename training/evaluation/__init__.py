"""Metrics, comparisons and the promotion gate."""

from training.evaluation.comparison import (
    BaselineCurves,
    Case,
    ComparedCase,
    Comparison,
    Contender,
    Day,
    Estimate,
    FeatureContribution,
    Figures,
    Points,
    ScoreBin,
    Slice,
    compare_models,
)
from training.evaluation.gate import Check, GateResult, Judged, Mask, compare, judge_alone
from training.evaluation.metric import Metric, MetricValue, Unit
from training.evaluation.metrics import (
    METRICS,
    card_precision,
    evaluate,
    list_metrics,
    metric_intervals,
    tabulate_metrics,
)
from training.evaluation.scored import ScoredRows, score_rows
from training.evaluation.slices import slice_masks

__all__ = [
    "METRICS",
    "BaselineCurves",
    "Case",
    "Check",
    "ComparedCase",
    "Comparison",
    "Contender",
    "Day",
    "Estimate",
    "FeatureContribution",
    "Figures",
    "GateResult",
    "Judged",
    "Mask",
    "Metric",
    "MetricValue",
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
