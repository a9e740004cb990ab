"""LightGBM: binned data, fitting, ensembles of seeds, the search space."""

from training.learners.lightgbm.fit import LightGBMModel
from training.learners.lightgbm.learner import LightGBM

__all__ = [
    "LightGBM",
    "LightGBMModel",
]
