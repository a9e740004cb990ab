"""The search for parameters with Optuna."""

from training.search.study import (
    TuningResult,
    best_trials,
    load_best,
    make_database,
    require_database,
)
from training.search.tuning import tune

__all__ = [
    "TuningResult",
    "best_trials",
    "load_best",
    "make_database",
    "require_database",
    "tune",
]
