"""Learners: suggest, fit, predict, explain, save, load."""

from training.learners.learner import FittedModel, FoldFitter, Learner, Params
from training.learners.logistic import score_baseline
from training.learners.out_of_fold import score_out_of_fold
from training.learners.registry import LEARNERS, default_learner

__all__ = [
    "LEARNERS",
    "FittedModel",
    "FoldFitter",
    "Learner",
    "Params",
    "default_learner",
    "score_baseline",
    "score_out_of_fold",
]
