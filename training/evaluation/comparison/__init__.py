"""Candidate and champion on the same test rows: what a reviewer compares."""

from training.evaluation.comparison.compare import compare_models
from training.evaluation.comparison.curves import Points
from training.evaluation.comparison.explanation import Case
from training.evaluation.comparison.record import (
    BaselineCurves,
    ComparedCase,
    Comparison,
    Contender,
    Day,
    Estimate,
    FeatureContribution,
    Figures,
    ScoreBin,
    Slice,
)

__all__ = [
    "BaselineCurves",
    "Case",
    "ComparedCase",
    "Comparison",
    "Contender",
    "Day",
    "Estimate",
    "FeatureContribution",
    "Figures",
    "Points",
    "ScoreBin",
    "Slice",
    "compare_models",
]
