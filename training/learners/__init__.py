"""Learners: fit, predict, save, load."""

from training.learners.logistic import score_baseline
from training.learners.out_of_fold import score_out_of_fold

__all__ = [
    "score_baseline",
    "score_out_of_fold",
]
