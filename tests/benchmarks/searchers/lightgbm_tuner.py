"""Optuna's LightGBMTunerCV: its stepwise search over the same folds."""

import sys
import time
import warnings
from pathlib import Path

import lightgbm as lgb
import numpy as np
import optuna

from tests.benchmarks.searchers.arrays import load, save_scores

ROUNDS, PATIENCE = 1_000, 80


def main() -> None:
    folder, target, budget, seed = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:5])
    from optuna_integration.lightgbm import LightGBMTunerCV

    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    arrays = load(folder)
    given = {
        "objective": "binary", "metric": "average_precision", "verbosity": -1, "num_threads": 2,
        "seed": seed,
    }  # fmt: skip
    folds = [(np.arange(fold.first, fold.end), fold.test) for fold in arrays.validation]
    target.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    whole = lgb.Dataset(arrays.matrix, arrays.labels)
    tuner = LightGBMTunerCV(
        given, whole, folds=folds, time_budget=budget,
        num_boost_round=ROUNDS, callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
        optuna_seed=seed, show_progress_bar=False, return_cvbooster=True,
        model_dir=str(target / "boosters"),
    )  # fmt: skip
    tuner.run()
    seconds = time.perf_counter() - began
    rounds = max(1, tuner.get_best_booster().best_iteration)
    scores = []
    for fold in arrays.test:
        own = lgb.Dataset(
            arrays.matrix[fold.first : fold.end], arrays.labels[fold.first : fold.end]
        )
        scores.append(lgb.train(tuner.best_params, own, rounds).predict(arrays.matrix[fold.test]))
    facts = {
        "seconds": seconds, "validation": tuner.best_score,
        "best": {**tuner.best_params, "rounds": rounds},
    }  # fmt: skip
    save_scores(target, scores, facts)


if __name__ == "__main__":
    main()
