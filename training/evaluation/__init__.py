"""Metrics, comparisons and the promotion gate."""

from training.evaluation.bootstrap import Ranking, draw_weights, interval
from training.evaluation.calibration_bins import calibration_bins
from training.evaluation.comparison import (
    Comparison,
    Contender,
    Estimate,
    Figures,
    Slice,
    compare_models,
)
from training.evaluation.curves import Points
from training.evaluation.explanation import Case, false_negatives, false_positives, summarise
from training.evaluation.gate import Check, GateResult, Judged, Mask, compare, judge_alone
from training.evaluation.metric import Metric, Unit
from training.evaluation.metrics import (
    METRICS,
    baseline_values,
    card_precision,
    evaluate,
    list_metrics,
    metric_intervals,
)
from training.evaluation.money_saved import money_by_day
from training.evaluation.scored import ScoredRows, score_rows
from training.evaluation.slices import slice_masks

__all__ = [
    "METRICS",
    "Case",
    "Check",
    "Comparison",
    "Contender",
    "Estimate",
    "Figures",
    "GateResult",
    "Judged",
    "Mask",
    "Metric",
    "Points",
    "Ranking",
    "ScoredRows",
    "Slice",
    "Unit",
    "baseline_values",
    "calibration_bins",
    "card_precision",
    "compare",
    "compare_models",
    "draw_weights",
    "evaluate",
    "false_negatives",
    "false_positives",
    "interval",
    "judge_alone",
    "list_metrics",
    "metric_intervals",
    "money_by_day",
    "score_rows",
    "slice_masks",
    "summarise",
]
