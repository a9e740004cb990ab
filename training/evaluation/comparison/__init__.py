"""Candidate and champion on the same test rows: what a reviewer compares."""

from training.evaluation.comparison.compare import compare_models
from training.evaluation.comparison.curves import Points
from training.evaluation.comparison.explanation import Case
from training.evaluation.comparison.record import (
    BaselineCurves,
    Candidate,
    ComparedCase,
    Comparison,
    Day,
    Estimate,
    FeatureContribution,
    ModelSummary,
    ScoreBin,
    Slice,
)

__all__ = [
    "BaselineCurves",
    "Candidate",
    "Case",
    "ComparedCase",
    "Comparison",
    "Day",
    "Estimate",
    "FeatureContribution",
    "ModelSummary",
    "Points",
    "ScoreBin",
    "Slice",
    "compare_models",
]
