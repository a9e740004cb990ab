"""The search for parameters with Optuna."""

from training.search.study import TuningResult, load_best, make_database, require_database
from training.search.study_plots import best_trials, draw_study
from training.search.tuning import tune

__all__ = [
    "TuningResult",
    "best_trials",
    "draw_study",
    "load_best",
    "make_database",
    "require_database",
    "tune",
]
