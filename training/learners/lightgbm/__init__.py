"""LightGBM: binned data, fitting, ensembles of seeds."""

from training.learners.lightgbm.binning import BinnedRows, Params, fixed_params
from training.learners.lightgbm.fit import FittedModel, fit, searched_params, select_rows

__all__ = [
    "BinnedRows",
    "FittedModel",
    "Params",
    "fit",
    "fixed_params",
    "searched_params",
    "select_rows",
]
